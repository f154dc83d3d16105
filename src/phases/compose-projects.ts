import type { Resource } from '../core/resource';
import { type Baseline, isNew, ownerOf, type Selector } from '../core/selector';

/** https://docs.docker.com/reference/compose-file/#project-name, and podman-compose's own. */
const PROJECT_LABELS = ['com.docker.compose.project', 'io.podman.compose.project'];

/** A selector that also knows the Compose projects of what it owns. */
export interface ProjectSelector {
  /**
   * Selects what is owned, and what else is of an owned container's Compose project: new, without
   * an owner. A project's older parts stay: a session may start a container in someone's project.
   */
  readonly selector: Selector;
  /** Remembers the projects of owned containers, which go before their networks and volumes. */
  learn(listed: readonly Resource[]): void;
}

/** @param baseline undefined: what is new is unknown, and nothing is added */
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
