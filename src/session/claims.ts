import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { writeWhole } from '../lib/atomic-file';
import { type Clock, sleep } from '../lib/clock';
import { isAlive, isProcessIdentity, type ProcessIdentity, thisProcess } from '../lib/process-identity';
import { quietly } from '../lib/quietly';
import { jsonFilesIn } from '../lib/small-file';

/** A process of this user on this host that has a session, or sweeps. */
export interface Claim {
  /** The session's id, or `sweep`. */
  readonly session: string;
  readonly process: ProcessIdentity;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The process has not checked for earlier claims yet. */
  readonly isPending: boolean;
}

/** The content of a claim's file. Other versions may write anything. */
interface ClaimFile {
  readonly session: string;
  readonly host: string;
  readonly process: ProcessIdentity;
  /** ISO 8601 */
  readonly since: string;
  readonly pending: boolean;
}

/** The claim, or the process that was first. */
export type Taken = { readonly release: () => Promise<void> } | { readonly holder: Claim };

interface Found extends Claim {
  readonly file: string;
}

/** Milliseconds between two checks of undecided claims, and the number of checks. */
const LOOK_EVERY_MS = 20;
const MAX_LOOKS = 250;

const NEVER = new AbortController().signal;

/**
 * Claims of processes, one file each in a directory. File names are unique, so that a dead
 * process's file can be removed at any time. A killed process loses its claim at once; a stopped
 * one (Ctrl-Z) keeps it.
 */
export class Claims {
  readonly #directory: string;
  readonly #clock: Clock;

  /** @param directory writable only for this user; made when needed */
  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /**
   * Claims a session for this process. Exactly one of several processes gets it: each writes its
   * claim before it checks, so that one of two sees the other. Of two undecided claims the first by
   * file name wins.
   * @throws when the file can't be written
   */
  async take(session: string): Promise<Taken> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = `${session}.${randomUUID()}.json`;
    const path = join(this.#directory, file);
    const claim = { session, host: hostname(), process: thisProcess(), since: new Date(this.#clock.now()).toISOString() };
    const write = (pending: boolean) => writeWhole(path, `${JSON.stringify({ ...claim, pending } satisfies ClaimFile)}\n`);
    const release = () => rm(path, { force: true });
    try {
      await write(true);
      const holder = await this.#holderBefore(session, file);
      if (holder !== undefined) {
        await release();
        return { holder };
      }
      await write(false);
    } catch (error) {
      await release().catch(() => undefined);
      throw error;
    }
    return { release };
  }

  /** Waits for the claims that yield to this one. Returns a claim that does not. */
  async #holderBefore(session: string, file: string): Promise<Claim | undefined> {
    for (let looks = 1; ; looks += 1) {
      const others = this.#found().filter((claim) => claim.session === session && claim.file !== file);
      const first = others.find((claim) => !claim.isPending || claim.file < file);
      if (first !== undefined || others.length === 0) return first;
      // The other process is stopped in the middle of its claim.
      if (looks === MAX_LOOKS) return others[0];
      await sleep(this.#clock, LOOK_EVERY_MS, NEVER);
    }
  }

  /** The claims of live processes. Removes the files of dead ones; ignores other hosts' files, and unreadable ones. */
  #found(): readonly Found[] {
    return jsonFilesIn(this.#directory).flatMap((path) => {
      const claim = readClaim(path);
      if (claim === undefined || claim.host !== hostname()) return [];
      if (isAlive(claim.process)) return [{ ...claim, file: basename(path) }];
      quietly(() => rmSync(path, { force: true })); // The disk may be read-only.
      return [];
    });
  }
}

function readClaim(path: string): (Claim & Pick<ClaimFile, 'host'>) | undefined {
  try {
    const { session, host, process: owner, since, pending }: Partial<ClaimFile> = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof session !== 'string' || typeof host !== 'string' || !isProcessIdentity(owner)) return undefined;
    return { session, host, process: owner, since: Date.parse(String(since)), isPending: pending === true };
  } catch {
    return undefined;
  }
}
