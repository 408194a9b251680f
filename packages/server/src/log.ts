import pino, { type DestinationStream, type Logger } from 'pino';

const secret = ['token', 'password', 'secret', 'authorization', 'url', '["x-auth-token"]', '["x-subject-token"]', 'application_credential_secret'];
const dotted = (prefix: string, key: string): string => (key.startsWith('[') ? `${prefix}${key}` : prefix === '' ? key : `${prefix}.${key}`);

/** JSON lines. What looks like a secret is blacked out up to two levels down: a belt to the braces of never logging one. */
export function createLog(level = 'info', destination?: DestinationStream): Logger {
  const paths = ['', '*', '*.*'].flatMap((prefix) => secret.filter((key) => !(prefix === '' && key.startsWith('['))).map((key) => dotted(prefix, key)));
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '[hidden]' } };
  return destination ? pino(options, destination) : pino(options);
}
