export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: Level, message: string, facts?: Readonly<Record<string, string | number | boolean | undefined>>) => void;

const order: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/** A JSON object a line. It takes plain facts only: what a command holds cannot get in by mistake. */
export function createLog(write: (line: string) => void, least: Level = 'info'): Log {
  return (level, message, facts = {}) => {
    if (order.indexOf(level) >= order.indexOf(least)) write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...facts })}\n`);
  };
}
