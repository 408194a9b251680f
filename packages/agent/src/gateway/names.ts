/** The devices of a network. Linux allows 15 characters, so they carry the beginning of its id; their alias has it whole. */
export interface DeviceNames {
  readonly bridge: string;
  /** Towards the site's hypervisors. */
  readonly site: string;
  /** Towards the other sites' gateways. */
  readonly transit: string;
}

export const namesOf = (network: string): DeviceNames => {
  const tag = network.slice(0, 8);
  return { bridge: `gwb${tag}`, site: `gws${tag}`, transit: `gwt${tag}` };
};

const mark = 'godwit:';
export const aliasOf = (network: string): string => `${mark}${network}`;
/** The network that a device was made for; undefined: somebody else made it. */
export const networkOf = (alias: string | undefined): string | undefined => (alias?.startsWith(mark) === true ? alias.slice(mark.length) : undefined);
