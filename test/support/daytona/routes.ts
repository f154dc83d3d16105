import { pageAnswer, sandboxAnswer } from './answers';
import { ApiError } from './api-error';
import type { Lifecycle } from './lifecycle';
import type { Listing } from './listing';
import { isTextByKey, readLabels, readQuery } from './query';
import type { Sandbox } from './sandbox';
import type { Store } from './store';

/** A request as far as the routes need it. */
export interface Call {
  readonly method: string;
  /** Without `/api` and the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the routes lead to. */
export interface Rooms {
  readonly store: Store;
  readonly lifecycle: Lifecycle;
  readonly listing: Listing;
  readonly organizationId: string;
  /** `array`: as servers did before listings had pages, and parameters besides `labels`. */
  readonly listings: 'cursor' | 'array';
  /** False: as v0.190, which ignores `ttlMinutes` and has no `/ttl`. */
  readonly knowsTtl: boolean;
  /** What a minute of a time to live takes. */
  readonly minuteMs: number;
}

/**
 * Does what is asked.
 * @returns what is to be answered, with 200
 * @throws ApiError
 */
export function perform(rooms: Rooms, call: Call): unknown {
  const { method, path } = call;
  if (path === '/sandbox' && method === 'GET') return list(rooms, call.query);
  if (path === '/sandbox' && method === 'POST') return create(rooms, call.body);
  const [, idOrName, verb, argument] = /^\/sandbox\/([^/]+)(?:\/([a-z-]+)(?:\/(-?\d+))?)?$/.exec(path) ?? [];
  const action = actions[`${method} ${verb ?? ''}`.trim()];
  if (idOrName === undefined || action === undefined) throw new ApiError(404, `Cannot ${method} /api${path}`);
  return action(rooms, find(rooms, decodeURIComponent(idOrName)), call, Number(argument));
}

type Action = (rooms: Rooms, sandbox: Sandbox, call: Call, argument: number) => unknown;

const actions: Readonly<Record<string, Action>> = {
  GET: (_, sandbox) => sandboxAnswer(sandbox),
  DELETE: ({ lifecycle }, sandbox) => sandboxAnswer(lifecycle.delete(sandbox)),
  'GET forks': ({ store }, { id }) => store.forksOf(id).map(sandboxAnswer),
  'POST start': ({ lifecycle }, sandbox) => sandboxAnswer(lifecycle.start(sandbox)),
  // Only the literal `true` is force.
  'POST stop': ({ lifecycle }, sandbox, { query }) => sandboxAnswer(lifecycle.stop(sandbox, query.get('force') === 'true')),
  'POST fork': ({ lifecycle }, sandbox, { body }) => sandboxAnswer(lifecycle.fork(sandbox, optionalText(body['name']))),
  'POST autostop': (rooms, sandbox, _, minutes) => setInterval(rooms, sandbox, { autoStopInterval: atLeast0(minutes) }),
  'POST autopause': (rooms, sandbox, _, minutes) => setInterval(rooms, sandbox, { autoPauseInterval: atLeast0(minutes) }),
  'POST autodelete': (rooms, sandbox, _, minutes) => setInterval(rooms, sandbox, { autoDeleteInterval: whole(minutes) }),
  'POST ttl': (rooms, sandbox, { path }, minutes) => {
    if (!rooms.knowsTtl) throw new ApiError(404, `Cannot POST /api${path}`);
    return setInterval(rooms, sandbox, { autoDestroyAt: endOfLife(rooms, atLeast0(minutes)) });
  },
  'PUT labels': ({ lifecycle }, sandbox, { body }) => {
    const { labels } = body;
    if (!isTextByKey(labels)) throw new ApiError(400, 'labels must be an object');
    return { labels: lifecycle.change(sandbox, { labels }).labels };
  },
};

function find({ store, organizationId }: Rooms, idOrName: string): Sandbox {
  const sandbox = store.get(idOrName) ?? store.named(idOrName);
  if (sandbox?.organizationId === organizationId) return sandbox;
  throw new ApiError(404, `Sandbox with ID or name ${idOrName} not found`);
}

function list({ listing, organizationId, listings }: Rooms, query: URLSearchParams): unknown {
  const isVisible = (sandbox: Sandbox) => sandbox.organizationId === organizationId;
  if (listings === 'cursor') return pageAnswer(listing.page(readQuery(query), isVisible));
  const labels = Object.entries(readLabels(query.get('labels')));
  const isWanted = (sandbox: Sandbox) =>
    isVisible(sandbox) && sandbox.state !== 'destroyed' && labels.every(([key, value]) => sandbox.labels[key] === value);
  return listing.everything(isWanted).map(sandboxAnswer);
}

function create(rooms: Rooms, body: Call['body']): unknown {
  const { store, lifecycle, knowsTtl } = rooms;
  const { labels = {}, autoStopInterval = 15, autoPauseInterval = 0, autoDeleteInterval = -1, ttlMinutes = 0 } = body;
  if (!isTextByKey(labels)) throw new ApiError(400, 'labels must be an object');
  const [name, snapshot, target] = [body['name'], body['snapshot'], body['target']].map(optionalText);
  if (name !== undefined && store.named(name)) throw new ApiError(409, `Sandbox with name ${name} already exists`);
  const sandbox = lifecycle.add({
    labels,
    state: 'creating',
    autoStopInterval: atLeast0(autoStopInterval),
    autoPauseInterval: atLeast0(autoPauseInterval),
    autoDeleteInterval: whole(autoDeleteInterval),
    autoDestroyAt: knowsTtl ? endOfLife(rooms, atLeast0(ttlMinutes)) : undefined,
    ...(name === undefined ? {} : { name }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(target === undefined ? {} : { target }),
  });
  return sandboxAnswer(sandbox);
}

function setInterval({ lifecycle }: Rooms, sandbox: Sandbox, to: Partial<Sandbox>): unknown {
  return sandboxAnswer(lifecycle.change(sandbox, to));
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function whole(minutes: unknown): number {
  if (typeof minutes === 'number' && Number.isInteger(minutes)) return minutes;
  throw new ApiError(400, 'Interval must be an integer');
}

function atLeast0(minutes: unknown): number {
  const checked = whole(minutes);
  if (checked >= 0) return checked;
  throw new ApiError(400, 'Interval must be non-negative');
}

/** Counted from now. 0 minutes: it has none. */
function endOfLife({ minuteMs }: Rooms, minutes: number): number | undefined {
  return minutes === 0 ? undefined : Date.now() + minutes * minuteMs;
}
