import { type Config, retryPolicy } from '../../config/config';
import type { Connection } from '../../core/connection';
import { type Disk, type FileSystem, UnseenFileSystem } from '../../core/disk';
import { ImageNames, isNamedBy } from '../../core/image-names';
import type { LivenessOfSessions } from '../../core/liveness';
import type { Settlement } from '../../core/outcome';
import { InUse } from '../../core/provider';
import type { Resource } from '../../core/resource';
import { protectionOf, sessionOf } from '../../core/selector';
import type { Clock } from '../../lib/clock';
import type { Deadline } from '../../lib/deadline';
import { asError } from '../../lib/errors';
import { quietly } from '../../lib/quietly';
import { readSmallFile } from '../../lib/small-file';
import { namesIn } from '../../proxy/notes';
import { type Candidate, longestUnused } from '../../reaper/disk-quota';
import { errorClassOf, withRetries } from '../../reaper/retry';
import { sweep } from '../../reaper/sweep';
import { diskLine, resourceLine } from '../../report/lines';
import { type DiskGoal, type DiskReport, type DiskResourceReport, isoTime, resourceReport } from '../../report/model';
import type { ImageHistory, ImageUses } from '../../session/image-uses';
import type { Lease } from '../../session/leases';
import { type Cleanup, engineIdOf } from '../cleanup';
import { keepToBudget } from './build-cache';
import {
  type DiskGoals,
  type DiskState,
  hasImageGoal,
  type ImageGoal,
  measuredFor,
  missingFor,
  spaceFor,
  wantedFor,
} from './goals';
import { isInUse, usesOf } from './image-uses';

export interface DiskRoom {
  readonly connections: readonly Connection[];
  readonly config: DiskGoals & Cleanup['config'] & Pick<Config, 'dryRun'>;
  readonly sessionId: string;
  readonly liveness: LivenessOfSessions;
  /** Of sessions at work on this host. */
  readonly leases: () => readonly Lease[];
  readonly uses: ImageUses;
  readonly deadline: Deadline;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** Makes room on the engines' disks, as far as the settings ask for it. Never throws. */
export async function makeRoom(room: DiskRoom): Promise<readonly DiskReport[]> {
  const reports = await Promise.all(
    room.connections.map(async (connection) => {
      if (connection.status !== 'ready' || connection.disk === undefined) return [];
      const { name, disk, provider } = connection;
      const engine = await engineIdOf(provider, room.deadline);
      const one = new EngineRoom(name, engine, disk, room);
      const cache = await one.pruneBuildCache();
      return [...cache, ...(hasImageGoal(room.config) ? await one.removeImages() : [])];
    }),
  );
  for (const report of reports.flat()) room.log(diskLine(report));
  return reports.flat();
}

/** Milliseconds to look at the file system. */
const LOOK_TIMEOUT_MS = 10_000;

/** The part of the time left that one measurement may take: old engines walk through all files. */
const MEASURE_SHARE = 0.5;

/** Engines round to seconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/** Bytes of a file of notes: as many names as two proxies of a session write at most. */
const MAX_NOTES_BYTES = 2 ** 24;

/** What was measured at one moment. */
interface Measured extends DiskState {
  /** Milliseconds since the epoch, by the image's id; 0 if it is unknown. */
  readonly lastUses: ReadonlyMap<string, number>;
  /** Ids of the images that sessions at work have used. */
  readonly noted: ReadonlySet<string>;
}

/** Makes room on one engine. */
class EngineRoom {
  readonly #name: string;
  readonly #engine: string | undefined;
  readonly #disk: Disk;
  readonly #room: DiskRoom;
  /** Images that were refused: the next longest unused go instead. */
  readonly #refused = new Set<string>();
  readonly #goalOf = new Map<string, DiskGoal>();
  #listed: readonly Resource[] = [];
  #first: Measured | undefined;
  #last: Measured | undefined;
  #problem: Error | undefined;

  constructor(name: string, engine: string | undefined, disk: Disk, room: DiskRoom) {
    this.#name = name;
    this.#engine = engine;
    this.#disk = disk;
    this.#room = room;
  }

  /** Removes images in rounds, and measures again after each. */
  async removeImages(): Promise<readonly DiskReport[]> {
    const { config, deadline } = this.#room;
    const settlements: Settlement[] = [];
    for (let refused = -1; refused < this.#refused.size && !deadline.passed; ) {
      refused = this.#refused.size;
      settlements.push(...(await this.#sweep()));
    }
    const goals = (['image-budget', 'min-free-disk'] as const).filter((goal) => spaceFor(goal, config) !== undefined);
    return goals.map((goal) => {
      const own = settlements.filter(({ resource }) => this.#goalOf.get(resource.id) === goal);
      return { ...this.#verdictOn(goal), images: own.map((settlement) => this.#reportOn(settlement)) };
    });
  }

  async #sweep(): Promise<readonly Settlement[]> {
    const { config, deadline, clock, log } = this.#room;
    const result = await sweep({
      provider: this.#disk.images,
      selector: (image) => this.#whyItStays(image) === undefined,
      choose: (_, listed) => this.#choose(listed),
      learn: (listed) => this.#learn(listed),
      mode: config.dryRun ? { kind: 'plan' } : { kind: 'remove' },
      policy: { graceMs: config.gracePeriod, retry: retryPolicy(config) },
      deadline,
      concurrency: config.concurrency,
      final: false,
      failFast: false,
      clock,
      onSettled: (settlement) => {
        if (settlement.outcome === 'failed' || settlement.outcome === 'kept') this.#refused.add(settlement.resource.id);
        log(resourceLine(this.#reportOn(settlement)));
      },
    });
    this.#problem ??= result.error ?? result.unlisted;
    return result.settlements;
  }

  /** Measures. Must not throw: without a measurement, nothing goes. */
  async #learn(listed: readonly Resource[]): Promise<void> {
    this.#listed = listed;
    try {
      await this.#room.liveness.learn?.(listed);
      this.#last = await this.#measured(listed);
      this.#first ??= this.#last;
    } catch (error) {
      this.#last = undefined;
      this.#problem = asError(error);
    }
  }

  async #measured(listed: readonly Resource[]): Promise<Measured> {
    const { deadline, clock, uses } = this.#room;
    const engine = this.#engine;
    const history = engine === undefined ? NO_HISTORY : uses.read(engine);
    const now = clock.now();
    const known = await usesOf({ disk: this.#disk, images: listed, history, names: [], deadline, now });
    const ids = listed.map(({ id }) => id);
    if (engine !== undefined && this.#first === undefined) await uses.note(engine, known, ids).catch(() => undefined);
    const space = await this.#retried('measuring images', (signal) => this.#disk.measure(listed, signal));
    const lastUse = (id: string): number => {
      const { tagged, built = 0 } = space.images.get(id) ?? {};
      // Without a time of its tag, it came after the last look: when, is not known.
      const came = tagged ?? (history.at === undefined || history.uses.has(id) ? 0 : now);
      return Math.max(known.get(id) ?? 0, came) || built;
    };
    const lastUses = new Map(ids.map((id) => [id, lastUse(id)]));
    return { space, lastUses, fileSystem: await this.#fileSystem(), noted: this.#notedByOthers(listed) };
  }

  async #fileSystem(): Promise<FileSystem | UnseenFileSystem> {
    const look = this.#room.deadline.within(LOOK_TIMEOUT_MS, 'the file system', (signal) => this.#disk.fileSystem(signal));
    return look.catch((error: unknown) => new UnseenFileSystem(asError(error).message));
  }

  /** An engine may refuse to measure twice at a time. */
  #retried<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { config, deadline, clock } = this.#room;
    return withRetries(
      () => deadline.within(deadline.remaining() * MEASURE_SHARE, what, work),
      (error) => errorClassOf(error, this.#disk.images),
      retryPolicy(config),
      deadline,
      clock,
    );
  }

  /** Sessions at work on the same engine, or, where its id is unknown, on the host. */
  #others(): readonly Lease[] {
    const { leases, sessionId } = this.#room;
    const isHere = ({ engines }: Lease) => this.#engine === undefined || engines.includes(this.#engine);
    return leases().filter((lease) => lease.session !== sessionId && isHere(lease));
  }

  /** Ids of the images that the proxies of other sessions have noted. */
  #notedByOthers(listed: readonly Resource[]): ReadonlySet<string> {
    const names = new ImageNames(listed);
    const notes = this.#others().flatMap(({ imageNotes }) => {
      return imageNotes === undefined ? [] : namesIn(quietly(() => readSmallFile(imageNotes, MAX_NOTES_BYTES)) ?? '');
    });
    return new Set(notes.flatMap((name) => names.idOf(name) ?? []));
  }

  #choose(listed: readonly Resource[]): readonly Resource[] {
    const last = this.#last;
    if (last === undefined) return [];
    const { config } = this.#room;
    const missing = (['image-budget', 'min-free-disk'] as const)
      .map((goal) => ({ goal, bytes: missingFor(goal, last, config) }))
      .toSorted((a, b) => b.bytes - a.bytes)[0];
    if (missing === undefined || missing.bytes <= 0) return [];
    const byId = new Map(listed.map((image) => [image.id, image]));
    const candidates = listed.map((image) => this.#candidate(image, last));
    return longestUnused(candidates, missing.bytes).flatMap((id) => {
      if (!this.#goalOf.has(id)) this.#goalOf.set(id, missing.goal);
      return byId.get(id) ?? [];
    });
  }

  #candidate(image: Resource, { space, lastUses }: Measured): Candidate {
    const { id, dependents = [], isLayer = false } = image;
    return {
      ...(space.images.get(id) ?? { size: 0, shared: 0, layers: [] }),
      id,
      lastUse: lastUses.get(id) ?? 0,
      dependents,
      isLayer,
      stays: this.#refused.has(id) || this.#whyItStays(image) !== undefined,
    };
  }

  /** Completes “5 images”. */
  #whyItStays(image: Resource): string | undefined {
    const { config, liveness, sessionId } = this.#room;
    if (isInUse(image)) return 'used by containers';
    if (isNamedBy(config.keepImages ?? [], image)) return 'spared by keep-images';
    if (protectionOf(image) !== undefined) return 'protected';
    const session = sessionOf(image);
    const isLive = session !== undefined && (session === sessionId || liveness.of(session).state === 'live');
    const lastUse = this.#last?.lastUses.get(image.id) ?? Number.POSITIVE_INFINITY;
    const mayBeOthers = this.#others().some(({ since }) => lastUse >= since - CLOCK_TOLERANCE_MS);
    return isLive || mayBeOthers || this.#last?.noted.has(image.id) ? 'used by other sessions, perhaps' : undefined;
  }

  #reportOn(settlement: Settlement): DiskResourceReport {
    const { id } = settlement.resource;
    const size = this.#first?.space.images.get(id);
    const lastUse = this.#first?.lastUses.get(id) ?? 0;
    return {
      // A container has been made from it meanwhile: that is as it should be.
      ...resourceReport(
        settlement.error instanceof InUse ? kept(settlement, settlement.error) : settlement,
        undefined,
        size && size.size - size.shared,
      ),
      lastUsedAt: lastUse > 0 ? isoTime(lastUse) : null,
    };
  }

  #verdictOn(goal: ImageGoal): Omit<DiskReport, 'images'> {
    const { config } = this.#room;
    const [first, last] = [this.#first, this.#last];
    const wanted = last && wantedFor(goal, last, config);
    const after = last && measuredFor(goal, last);
    const reached =
      wanted === undefined || after === undefined ? null : goal === 'min-free-disk' ? after >= wanted : after <= wanted;
    return {
      provider: this.#name,
      goal,
      wanted: wanted ?? null,
      before: (first && measuredFor(goal, first)) ?? null,
      after: after ?? null,
      reached,
      reason: reached === true ? null : this.#reason(last),
    };
  }

  #reason(last: Measured | undefined): string {
    const { config, deadline } = this.#room;
    if (last?.fileSystem instanceof UnseenFileSystem && this.#problem === undefined) return last.fileSystem.message;
    if (this.#problem !== undefined) return this.#problem.message;
    if (deadline.passed) return 'time is up (deadline)';
    if (config.dryRun) return 'dry run';
    const images = this.#listed.filter(({ isLayer }) => !isLayer);
    const reasons = images.map((image) => this.#whyItStays(image) ?? 'needed by other images, or not to be removed');
    const counts = [...Map.groupBy(reasons, (reason) => reason)].map(([reason, { length }]) => `${length} ${reason}`);
    return counts.length === 0 ? 'there are no images left' : `of the images that are left, ${counts.join(', ')}`;
  }

  /** Of the build cache, if there is a budget for it. */
  async pruneBuildCache(): Promise<readonly DiskReport[]> {
    const { config, clock } = this.#room;
    if (config.buildCacheBudget === undefined) return [];
    const unusedForMs = () => {
      const since = Math.min(...this.#others().map((lease) => lease.since));
      return Number.isFinite(since) ? clock.now() - since + CLOCK_TOLERANCE_MS : 0;
    };
    const { buildCache } = this.#disk;
    const retried = this.#retried.bind(this);
    const budget = { provider: this.#name, wanted: config.buildCacheBudget, dryRun: config.dryRun, unusedForMs, retried };
    return [await keepToBudget(buildCache, budget)];
  }
}

const NO_HISTORY: ImageHistory = { at: undefined, uses: new Map() };

function kept({ error: _, ...settlement }: Settlement, { message }: InUse): Settlement {
  return { ...settlement, outcome: 'kept', reason: message };
}
