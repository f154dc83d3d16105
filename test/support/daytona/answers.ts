import type { ListSandboxesResponse, Sandbox as SandboxDto, SandboxListItem } from '@daytona/api-client';
import type { Page } from './listing';
import type { Sandbox } from './sandbox';

/** One sandbox, as its id shows it. */
export function sandboxAnswer(sandbox: Sandbox): SandboxDto {
  return { ...itemAnswer(sandbox), env: {}, volumes: [], kvm: false };
}

export function pageAnswer({ items, nextCursor }: Page): ListSandboxesResponse {
  return { items: items.map(itemAnswer), nextCursor };
}

/** One sandbox, as a listing tells of it: without what only it knows itself. */
function itemAnswer(sandbox: Sandbox): SandboxListItem {
  const { id, organizationId, name, labels, target, autoStopInterval, autoPauseInterval, autoDeleteInterval } = sandbox;
  return {
    id,
    organizationId,
    name,
    labels,
    target,
    ...known('snapshot', sandbox.snapshot),
    user: 'daytona',
    public: false,
    networkBlockAll: false,
    cpu: 1,
    gpu: 0,
    spot: false,
    memory: 1,
    disk: 3,
    ...known('state', sandbox.state),
    ...known('desiredState', sandbox.desiredState),
    ...known('errorReason', sandbox.errorReason),
    backupState: 'None',
    autoStopInterval,
    autoPauseInterval,
    autoArchiveInterval: 7 * 24 * 60,
    autoDeleteInterval,
    ...known('autoDestroyAt', isoTime(sandbox.autoDestroyAt)),
    ...known('createdAt', isoTime(sandbox.createdAt)),
    ...known('updatedAt', isoTime(sandbox.updatedAt)),
    ...known('lastActivityAt', isoTime(sandbox.lastActivityAt)),
    sandboxClass: 'container',
    toolboxProxyUrl: 'http://127.0.0.1:9/toolbox', // Nothing listens there: what runs in a sandbox is not this server's business.
  };
}

function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** What is not known is not in the answer at all. */
function known<K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: V };
}
