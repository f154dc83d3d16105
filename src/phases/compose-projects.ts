import type { Resource } from '../core/resource';
import { type Baseline, isNew, ownerOf, type Selector } from '../core/selector';

/** https://docs.docker.com/reference/compose-file/#project-name, and podman-compose's own label. */
const PROJECT_LABELS = ['com.docker.compose.project', 'io.podman.compose.project'];

/** A selector that also takes the Compose projects of owned containers. */
export interface ProjectSelector {
  /**
   * Selects owned resources, and new ones without an owner in an owned container's Compose project.
   * Older parts stay: a session may start a container in another user's project.
   */
  readonly selector: Selector;
  /** Remembers the projects of owned containers, which go before their networks and volumes. */
  learn(listed: readonly Resource[]): void;
}

/** @param baseline undefined: adds nothing, because new resources are unknown */
export function withComposeProjects(owned: Selector, baseline: Baseline | undefined): ProjectSelector {
  const known = new Set<string>();
  return {
    selector(resource) {
      if (owned(resource)) return true;
      const project = projectOf(resource);
      if (baseline === undefined || project === undefined || !known.has(project)) return false;
      return resource.kind !== 'image' && ownerOf(resource) === undefined && isNew(resource, baseline);
    },
    learn(listed) {
      for (const resource of listed) {
        const project = projectOf(resource);
        if (project !== undefined && resource.kind === 'container' && owned(resource)) known.add(project);
      }
    },
  };
}

/** Unique among all providers. */
function projectOf({ provider, labels }: Resource): string | undefined {
  const project = PROJECT_LABELS.map((label) => labels[label]).find((name) => name);
  return project && `${provider} ${project}`;
}
