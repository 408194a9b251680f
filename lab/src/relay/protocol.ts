/** One line of JSON each way between the lab and its relay, a process that stands in the `ops` network. */
export type RelayRequest =
  | {
      readonly id: number;
      readonly op: 'http';
      readonly method: string;
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
      /** Path of a file to send as the body instead. */
      readonly bodyFile?: string;
      readonly timeoutMs: number;
    }
  | {
      readonly id: number;
      readonly op: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Sent after connecting, base64. The reply's body is the first answer, base64. */
      readonly send?: string;
      readonly timeoutMs: number;
    };

export type RelayReply =
  | { readonly id: number; readonly ok: true; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly id: number; readonly ok: false; readonly message: string };
