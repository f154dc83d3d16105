import type { SandboxDesiredState, SandboxState } from '@daytona/api-client';

/** All states that the API tells of. */
export const states = [
  'creating',
  'restoring',
  'destroyed',
  'destroying',
  'started',
  'stopped',
  'starting',
  'stopping',
  'error',
  'build_failed',
  'pending_build',
  'building_snapshot',
  'unknown',
  'pulling_snapshot',
  'archived',
  'archiving',
  'resizing',
  'snapshotting',
  'forking',
  'pausing',
  'paused',
  'resuming',
] as const satisfies readonly SandboxState[];
export type State = (typeof states)[number];

/** Where a sandbox is to get to. */
export type DesiredState = Exclude<SandboxDesiredState, '11184809'>;

/** A sandbox as the server has it: what its answers tell, and how it takes what is done to it. Undefined is absent in answers. */
export interface Sandbox {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: State | undefined;
  readonly desiredState: DesiredState | undefined;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number | undefined;
  readonly updatedAt: number | undefined;
  readonly lastActivityAt: number | undefined;
  readonly snapshot: string | undefined;
  readonly target: string;
  /** Why it is in `error`. */
  readonly errorReason: string | undefined;
  /** Minutes; 0 is off. */
  readonly autoStopInterval: number;
  /** Minutes; 0 is off. */
  readonly autoPauseInterval: number;
  /** Minutes; below 0 is off; 0: stopped is deleted, it is ephemeral. */
  readonly autoDeleteInterval: number;
  /** When its TTL is over. */
  readonly autoDestroyAt: number | undefined;
  /** The id of the sandbox that this is a fork of. */
  readonly parent: string | undefined;
  /** It does not hear a plain stop: the runner kills it after a while, and nothing else can be asked of it until then. */
  readonly deaf: boolean;
  /** Why its runner fails to destroy it: then it is in `error`, hidden, and never tried again. Undefined: it does not. */
  readonly undeletable: string | undefined;
  /** Nobody has claimed it yet from a warm pool. */
  readonly warm: boolean;
  /** Once `destroying`, it is so for ever. */
  readonly undying: boolean;
  /** No transition of it ever ends. */
  readonly stuck: boolean;
}
export type SandboxOptions = Sandbox;

/** Where each state comes to when nothing gets in between; a state that is not here is one to stay in. */
const ends: Partial<Record<State, State>> = {
  creating: 'started',
  restoring: 'started',
  starting: 'started',
  resuming: 'started',
  pending_build: 'started',
  building_snapshot: 'started',
  pulling_snapshot: 'started',
  resizing: 'started',
  snapshotting: 'started',
  forking: 'started',
  unknown: 'started',
  stopping: 'stopped',
  pausing: 'paused',
  archiving: 'archived',
  destroying: 'destroyed',
};

/** Where a sandbox in transition comes to; undefined when it is in none. */
export function endOf(state: State | undefined): State | undefined {
  return state === undefined ? undefined : ends[state];
}

/** What a sandbox in this state is usually meant to become. */
export function desiredIn(state: State | undefined): DesiredState | undefined {
  switch (state) {
    case 'destroyed':
    case 'destroying':
      return 'destroyed';
    case 'stopped':
    case 'stopping':
      return 'stopped';
    case 'archived':
    case 'archiving':
      return 'archived';
    case 'paused':
    case 'pausing':
      return 'paused';
    case 'resizing':
      return 'resized';
    case undefined:
      return undefined;
    default:
      return 'started';
  }
}

/** It is in an error. The API takes only a deletion then, and only hides it. */
export function isErrored({ state }: Pick<Sandbox, 'state'>): boolean {
  return state === 'error' || state === 'build_failed';
}

/** It is not where it is to get to. Read in v0.190, apps/api/src/sandbox/entities/sandbox.entity.ts, `getInvariantChanges`. */
export function isPending({ state, desiredState }: Sandbox): boolean {
  if (isErrored({ state }) || desiredState === 'archived') return false;
  return state !== undefined && desiredState !== undefined && `${state}` !== `${desiredState}`;
}
