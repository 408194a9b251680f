import type { Deps } from '../deps.ts';
import type { KeystoneSettings } from '../nodes.ts';
import type { Finding } from '../schemas.ts';

/** Holds a node's keystone.conf against the star's policy. Where its agent does not tell, nothing is said. */
export function settingsFindings(deps: Pick<Deps, 'star'>, node: string, site: string, settings: KeystoneSettings | undefined): Finding[] {
  if (!settings) return [];
  const { tokens, fernet, loginsAtMaster } = deps.star.config;
  const about = { site, resource: `node ${node}` };
  const findings: Finding[] = [];
  const differ = (what: string, there: number, here: number, key: string): void => {
    if (there !== here) findings.push({ code: 'GW_POLICY_DIFFERS', ...about, message: `${node}: ${what} is ${there}, and ${here} in godwit.yaml (${key})`, action: 'Make them the same: what is dropped when is reckoned from godwit.yaml.' });
  };
  differ('[token] expiration', settings.tokenExpirationSeconds, tokens.expirationSeconds, 'identity.tokens.expirationSeconds');
  differ('[token] allow_expired_window', settings.allowExpiredWindowSeconds, tokens.allowExpiredWindowSeconds, 'identity.tokens.allowExpiredWindowSeconds');
  if (settings.fernetMaxActiveKeys < fernet.maxActiveKeys) differ('[fernet_tokens] max_active_keys', settings.fernetMaxActiveKeys, fernet.maxActiveKeys, 'identity.fernet.maxActiveKeys');
  if (norm(settings.receiptRepository) !== norm(settings.fernetRepository)) findings.push({ code: 'GW_RECEIPT_KEYS', ...about, message: `${node}: receipts of logins with several factors have keys of their own in ${settings.receiptRepository}, which nobody brings to the other nodes`, action: 'Set [fernet_receipts] key_repository to that of [fernet_tokens].' });
  if ((settings.lockoutFailureAttempts ?? 0) > 0 && !loginsAtMaster) findings.push({ code: 'GW_LOGINS_WRITE', ...about, message: `${node}: lock-out after ${settings.lockoutFailureAttempts ?? 0} failed logins counts at each replica by itself`, action: 'Set identity.loginsAtMaster: true for one count over all sites, and render HAProxy’s configuration anew.' });
  return findings;
}

const norm = (path: string): string => path.replace(/\/+$/, '');
