import type { Resource } from '../core/resource';
import { type Baseline, isNew, ownerOf, type Selector } from '../core/selector';

/** https://docs.docker.com/reference/compose-file/#project-name, and podman-compose's own. */
const PROJECT_LABELS = ['com.docker.compose.project', 'io.podman.compose.project'];

/**
 * Both set it on each container, and not on images, of which a container inherits the project: one
 * that was started from an image of a project's is no part of it.
 * https://github.com/docker/compose/blob/v2.40.0/pkg/compose/build.go (getImageBuildLabels)
 */
const CONTAINER_LABEL = 'com.docker.compose.container-number';

/** `docker compose run` makes such a container in any project. */
const ONE_OFF_LABEL = 'com.docker.compose.oneoff';

/** A selector that also knows the Compose projects of a session. */
export interface ProjectSelector {
  /** Selects what is owned, and the new parts of the session's projects that no session owns. */
  readonly selector: Selector;
  /**
   * Remembers the projects of owned containers, which go before their networks and volumes. A
   * project is not the session's if a part of it is older, or another session's: what is new in it
   * may come from another user who redeploys it.
   */
  learn(listed: readonly Resource[]): void;
}

/** @param baseline undefined: what is new is unknown, and nothing is added */
export function withComposeProjects(owned: Selector, baseline: Baseline | undefined): ProjectSelector {
  const begun = new Set<string>();
  const foreign = new Set<string>();
  const isOpen = (resource: Resource) => baseline !== undefined && ownerOf(resource) === undefined && isNew(resource, baseline);
  return {
    selector(resource) {
      if (owned(resource)) return true;
      const project = projectOf(resource);
      if (project === undefined || !begun.has(project) || foreign.has(project)) return false;
      return resource.kind !== 'image' && isPart(resource) && isOpen(resource);
    },
    learn(listed) {
      for (const resource of listed.filter(({ kind }) => kind !== 'image')) {
        const project = projectOf(resource);
        if (project === undefined) continue;
        if (owned(resource)) {
          if (beginsProject(resource)) begun.add(project);
        } else if (!isOpen(resource)) foreign.add(project);
      }
    },
  };
}

/** Unique among all providers. */
function projectOf({ provider, labels }: Resource): string | undefined {
  const project = PROJECT_LABELS.map((label) => labels[label]).find((name) => name);
  return project && `${provider} ${project}`;
}

/** False for a container that may have the project's label from its image. */
function isPart({ kind, labels }: Resource): boolean {
  return kind !== 'container' || labels[CONTAINER_LABEL] !== undefined;
}

function beginsProject(resource: Resource): boolean {
  return resource.kind === 'container' && isPart(resource) && resource.labels[ONE_OFF_LABEL]?.toLowerCase() !== 'true';
}
