/** Of the package; the bundle has it put in. */
declare const __GODWIT_VERSION__: string | undefined;
export const version = typeof __GODWIT_VERSION__ === 'string' ? __GODWIT_VERSION__ : '0.1.0';
