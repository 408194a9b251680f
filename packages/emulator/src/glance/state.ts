import type { Site } from '../core/site.ts';
import type { Sparse } from '../storage/sparse.ts';
import { glance } from './index.ts';

/** Times are milliseconds since 1970. */
export interface Image {
  readonly id: string;
  name: string | null;
  status: 'queued' | 'saving' | 'uploading' | 'importing' | 'active' | 'deactivated' | 'killed';
  visibility: 'private' | 'shared' | 'community' | 'public';
  protected: boolean;
  hidden: boolean;
  owner: string;
  /** Bytes. */
  size: number | null;
  diskFormat: string | null;
  containerFormat: string | null;
  minDisk: number;
  minRam: number;
  checksum: string | null;
  hash: string | null;
  tags: string[];
  properties: Record<string, string>;
  readonly createdAt: number;
  updatedAt: number;
  data: Sparse | undefined;
  /** Uploaded, and not yet imported. */
  staged: Sparse | undefined;
}

export interface Member {
  status: 'pending' | 'accepted' | 'rejected';
  readonly createdAt: number;
  updatedAt: number;
}

export interface Task {
  readonly id: string;
  readonly imageId: string;
  readonly owner: string;
  readonly userId: string;
  readonly requestId: string;
  status: 'pending' | 'processing' | 'success' | 'failure';
  message: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  updatedAt: number;
}

export interface GlanceState {
  readonly images: Map<string, Image>;
  /** By image, then project. */
  readonly members: Map<string, Map<string, Member>>;
  readonly tasks: Task[];
  /** An id is never used twice. */
  readonly deleted: Set<string>;
}

/** An image's row, for the services beside it. */
export const imageRecord = (site: Site, id: string): Image | undefined => site.state(glance).images.get(id);
