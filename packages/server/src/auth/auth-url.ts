/**
 * One spelling of an identity URL: people write it with and without /v3, a slash at the end, the scheme's own port.
 * Undefined for what is no URL.
 */
export function normalAuthUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, '').replace(/\/v[23](\.\d+)?$/, '').replace(/\/+$/, '');
  return `${protocol}//${host}${path}`;
}
