import type { GodwitConfig } from '../config.ts';
import { createEnvelope, type Envelope, type Wrapper } from './envelope.ts';
import { keyFileWrappers } from './key-file.ts';
import { kmsWrapper } from './kms.ts';

/** The envelope of a configuration. With both a KMS and a file, the KMS seals and the file opens what is from before. */
export async function openEnvelope(config: NonNullable<GodwitConfig['secrets']>): Promise<Envelope> {
  const wrappers: Wrapper[] = [
    ...(config.kmsCommand ? [kmsWrapper(config.kmsCommand)] : []),
    ...(config.masterKeyFile === undefined ? [] : await keyFileWrappers(config.masterKeyFile)),
  ];
  return createEnvelope(wrappers as [Wrapper, ...Wrapper[]]);
}
