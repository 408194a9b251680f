import type { ImageStatus, MarkedImage, MirrorMode } from './types.ts';

export interface StorageNode {
  readonly name: string;
  readonly site: string;
  readonly connected: boolean;
  readonly report?: {
    readonly cluster: string;
    readonly pools: readonly { readonly name: string; readonly mode: string; readonly siteName: string; readonly peers: readonly { readonly siteName: string; readonly direction: string }[] }[];
    readonly problems: readonly { readonly code: string; readonly message: string }[];
  };
}

interface Images {
  readonly pool: string;
  readonly images: readonly string[];
}
interface Ours extends Images {
  readonly group: string;
}
interface Point extends Ours {
  readonly point: string;
}

/** What Godwit's agents at the sites' storage are asked; they reach nothing but images of the named group. */
export interface StorageNodes {
  list(): Promise<readonly StorageNode[]>;
  look(node: string, args: Images, signal?: AbortSignal): Promise<readonly ImageStatus[]>;
  enable(node: string, args: Ours & { readonly mode: MirrorMode }, signal: AbortSignal): Promise<readonly ImageStatus[]>;
  mark(node: string, args: Point, signal: AbortSignal): Promise<readonly MarkedImage[]>;
  unmark(node: string, args: Point, signal: AbortSignal): Promise<void>;
  promote(node: string, args: Ours & { readonly force: boolean }, signal: AbortSignal): Promise<void>;
  demote(node: string, args: Ours, signal: AbortSignal): Promise<void>;
  rollback(node: string, args: Point, signal: AbortSignal): Promise<void>;
  resync(node: string, args: Ours, signal: AbortSignal): Promise<void>;
  keep(node: string, args: Ours & { readonly label: string }, signal: AbortSignal): Promise<readonly string[]>;
  rename(node: string, args: { readonly pool: string; readonly group: string; readonly from: string; readonly to: string }, signal: AbortSignal): Promise<void>;
  sums(node: string, args: Point, signal: AbortSignal): Promise<readonly { readonly image: string; readonly sha256: string }[]>;
  disable(node: string, args: Ours, signal: AbortSignal): Promise<void>;
}
