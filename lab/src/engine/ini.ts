/** A section's options; `undefined` leaves an option out, `true`/`false` are written as the OpenStack services read them. */
export type IniSection = Readonly<Record<string, string | number | boolean | undefined>>;

/** Renders an oslo.config file. */
export function ini(sections: Readonly<Record<string, IniSection>>): string {
  return Object.entries(sections)
    .map(([name, options]) => {
      const lines = Object.entries(options)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${key} = ${typeof value === 'boolean' ? (value ? 'true' : 'false') : String(value)}`);
      return [`[${name}]`, ...lines, ''].join('\n');
    })
    .join('\n');
}
