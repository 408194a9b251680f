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

/**
 * Of these, what makes a rotation wrong: tokens that live longer at a node than the policy has it, whose keys would be dropped too early.
 * Shorter lives only keep keys for longer than anybody needs.
 */
export function lifeFindings(deps: Pick<Deps, 'star'>, node: string, site: string, settings: KeystoneSettings | undefined): Finding[] {
  if (!settings) return [];
  const { tokens } = deps.star.config;
  const here = { ...settings, tokenExpirationSeconds: Math.max(settings.tokenExpirationSeconds, tokens.expirationSeconds), allowExpiredWindowSeconds: Math.max(settings.allowExpiredWindowSeconds, tokens.allowExpiredWindowSeconds) };
  return policyFindings(deps, node, site, { ...here, fernetMaxActiveKeys: Infinity });
}

/** Where it differs from the policy, either way. */
export const policyFindings = (deps: Pick<Deps, 'star'>, node: string, site: string, settings: KeystoneSettings | undefined): Finding[] =>
  settingsFindings(deps, node, site, settings).filter((f) => f.code === 'GW_POLICY_DIFFERS');

const norm = (path: string): string => path.replace(/\/+$/, '');
