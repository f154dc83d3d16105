import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '../../lib/atomic-file';
import { UsageError } from '../options/usage-error';
import { isAlive, type ProcessIdentity, thisProcess } from './process-identity';

/** Who has a session, as its file says. */
interface Registration {
  readonly session: string;
  readonly host: string;
  readonly process: ProcessIdentity;
}

const EXTENSION = '.json';

/**
 * The sessions of this user's `run`s in progress on this host: a file each, which says which process it is. A process that was killed is
 * seen to be gone at once; one that is stopped (Ctrl-Z) is still there, however long: a lock that must be renewed would not know.
 */
export class LiveSessions {
  readonly #directory: string;

  /** @param directory see `stateDirectory` */
  constructor(directory: string) {
    this.#directory = join(directory, 'sessions');
  }

  /**
   * From now on the session is live: before anything of it is made.
   * @returns ends that
   * @throws {UsageError} when another process has it
   */
  async register(session: string): Promise<() => Promise<void>> {
    const found = this.#registrations().find((one) => one.session === session);
    if (found !== undefined) {
      throw new UsageError(
        `--session: ${session} is in use by process ${found.process.pid}; two runs would remove each other’s resources`,
      );
    }
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#path(session);
    const registration: Registration = { session, host: hostname(), process: thisProcess() };
    await writeWhole(path, `${JSON.stringify(registration)}\n`);
    return () => rm(path, { force: true });
  }

  /** Read anew: what is live now, and was when something of it was listed. */
  ids(): readonly string[] {
    return this.#registrations().map(({ session }) => session);
  }

  has(session: string): boolean {
    return this.ids().includes(session);
  }

  /** Takes away what dead processes of this host have left. Another host's, where both share a home directory, is not known to be dead. */
  #registrations(): readonly Registration[] {
    return filesIn(this.#directory).flatMap((name) => {
      const path = join(this.#directory, name);
      const registration = read(path);
      if (registration === undefined || registration.host !== hostname()) return [];
      if (isAlive(registration.process)) return [registration];
      rmSync(path, { force: true });
      return [];
    });
  }

  #path(session: string): string {
    return join(this.#directory, `${session}${EXTENSION}`);
  }
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(EXTENSION));
  } catch {
    return [];
  }
}

/** What is none of ours, or went meanwhile, is nobody's. */
function read(path: string): Registration | undefined {
  try {
    const found: Partial<Registration> = JSON.parse(readFileSync(path, 'utf8'));
    const { session, host, process: owner } = found;
    return session !== undefined && host !== undefined && owner !== undefined ? { session, host, process: owner } : undefined;
  } catch {
    return undefined;
  }
}
