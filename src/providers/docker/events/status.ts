import type Docker from 'dockerode';
import type { ContainerPhase, ContainerStatus } from '../../../core/container-source';
import { nameOf } from '../resources/containers';

/** An engine's answer to `inspect`. The declared type lacks the error of the last start. */
export type Inspected = Docker.ContainerInspectInfo & { readonly State: { readonly Error?: string } };

/** States before the first start; `configured` and `initialized` are Podman's. */
const WAITING = new Set(['created', 'configured', 'initialized']);

/** Reads a container's status from the answer to `inspect`. */
export function statusOf({ Id, Name, Config, HostConfig, State, Created }: Inspected, provider: string): ContainerStatus {
  const [startedAt, endedAt] = [timeOf(State.StartedAt), timeOf(State.FinishedAt)];
  const phase = phaseOf(State);
  // While Podman ends or removes a container, its exit code is 0.
  const isOver = phase === 'ended' && endedAt !== undefined && State.Status !== 'removing';
  const isKnown = phase === 'never started' || isOver;
  return {
    container: {
      provider,
      kind: 'container',
      id: Id,
      name: nameOf(Name, Id),
      image: Config.Image,
      state: State.Status,
      running: State.Running,
      labels: Config.Labels ?? {},
      createdAt: Date.parse(Created),
    },
    phase,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(isKnown ? { exitCode: State.ExitCode } : {}),
    oomKilled: State.OOMKilled,
    autoRemove: HostConfig.AutoRemove === true,
    ...(State.Error ? { error: State.Error } : {}),
    ...(HostConfig.LogConfig?.Type === 'none' ? { logUnavailable: 'its logging driver is none' } : {}),
  };
}

function phaseOf(state: Inspected['State']): ContainerPhase {
  if (state.Restarting) return 'ended'; // Between two runs.
  if (state.Running) return 'running';
  if (timeOf(state.StartedAt) !== undefined && !WAITING.has(state.Status)) return 'ended';
  return state.ExitCode !== 0 || state.Error ? 'never started' : 'waiting';
}

/** An engine writes `0001-01-01T00:00:00Z` for "never". */
function timeOf(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) || time <= 0 ? undefined : time;
}
