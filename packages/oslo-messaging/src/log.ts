/** Where the client tells what it does. Fields hold no secrets. */
export type RpcLog = (level: 'debug' | 'info' | 'warn', message: string, fields?: Readonly<Record<string, unknown>>) => void;

export const noLog: RpcLog = () => undefined;
