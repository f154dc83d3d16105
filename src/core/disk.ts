import type { Provider } from './provider';
import type { Resource } from './resource';

/** What an image takes of a disk. */
export interface ImageSize {
  /** Bytes of all its layers. */
  readonly size: number;
  /** Bytes of those that another image has, too. */
  readonly shared: number;
  /** Ids of its layers, the lowest first. Empty if they are unknown. */
  readonly layers: readonly string[];
  /** When it was last tagged here, in milliseconds since the epoch, if known. */
  readonly tagged?: number;
  /** When it says that it was built, on whatever machine. */
  readonly built?: number;
}

/** What all images take of a disk. */
export interface ImageSpace {
  /** Bytes of all layers, each counted once. */
  readonly total: number;
  /** By the image's id. Images without a known size are left out. */
  readonly images: ReadonlyMap<string, ImageSize>;
}

/** The file system that holds an engine's data. */
export interface FileSystem {
  /** Bytes. */
  readonly size: number;
  readonly free: number;
}

/** An image that a container was made from. */
export interface ImageUse {
  /** An id, or a name as its user wrote it. Foreign text. */
  readonly image: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The disk of an engine, and what takes its space. All I/O ends when the signal aborts. */
export interface Disk {
  /** Lists and removes images only, whatever kinds are to be cleaned. */
  readonly images: Provider;
  /** Slow on engines that walk through all files for it. */
  measure(images: readonly Resource[], signal: AbortSignal): Promise<ImageSpace>;
  /** @throws {UnseenFileSystem} */
  fileSystem(signal: AbortSignal): Promise<FileSystem>;
  /** The uses that the engine remembers. */
  usesSince(since: number, signal: AbortSignal): Promise<readonly ImageUse[]>;
  /** Present if builds leave a cache. */
  readonly buildCache?: {
    /** Bytes. */
    measure(signal: AbortSignal): Promise<number>;
    /**
     * Removes what was unused for longest, until so many bytes are left.
     * @param unusedForMs spares what was used in this time
     * @returns the number of removed records
     */
    prune(keepBytes: number, unusedForMs: number, signal: AbortSignal): Promise<number>;
  };
}

/** The engine's file system is not this machine's, or can't be told. The message says why. */
export class UnseenFileSystem extends Error {
  override readonly name = 'UnseenFileSystem';
}
