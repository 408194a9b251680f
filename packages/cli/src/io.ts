/** Everything that the program touches of the world. Handed in, so that tests need no process. */
export interface Io {
  readonly stdout: Out;
  readonly stderr: Out;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: Fetch;
  readonly now: () => Date;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls back at each Ctrl-C until the returned function is called; meanwhile Ctrl-C does not end the process. */
  readonly onInterrupt: (callback: () => void) => () => void;
  /** Asks on the terminal; undefined when there is none to ask on. */
  readonly confirm?: (question: string) => Promise<boolean>;
  /** How a token is got; the default reads clouds.yaml and OS_* and asks Keystone. */
  readonly login?: Login;
}

export interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface Credentials {
  readonly token: string;
  /** Where the token is from: tells the server which Keystone to ask. */
  readonly authUrl?: string;
}

export type Login = (options: { cloud?: string; env: Io['env'] }) => Promise<Credentials>;
