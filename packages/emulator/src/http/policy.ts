import type { Call, Route } from './service.ts';

/** Whether a route's policy lets this token do it. */
export function allowed(route: Route<unknown>, call: Call): boolean {
  const policy = route.policy ?? (route.method === 'GET' || route.method === 'HEAD' ? 'reader' : 'member');
  const { token } = call;
  switch (policy) {
    case 'any':
      return true;
    case 'admin':
      return token.admin || (token.roles.includes('service') && (route.method === 'GET' || route.method === 'HEAD'));
    case 'member':
      return token.admin || token.member;
    case 'reader':
      return token.admin || token.reader || token.roles.includes('service');
    default:
      return policy(call);
  }
}
