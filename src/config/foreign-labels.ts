import type { LabelFilter } from '../core/selector';

/** Labels that a tool sets by itself on everything that its users make. */
interface ForeignLabels {
  /** Beginnings of keys. */
  readonly keys: readonly string[];
  readonly tool: string;
  /** A filter that identifies an owner; undefined if no label does. */
  readonly instead?: string;
}

const FOREIGN: readonly ForeignLabels[] = [
  { keys: ['com.docker.compose.'], tool: 'Docker Compose', instead: 'com.docker.compose.project=<your project>' },
  { keys: ['com.docker.stack.'], tool: 'docker stack', instead: 'com.docker.stack.namespace=<your stack>' },
  { keys: ['com.docker.swarm.'], tool: 'Docker Swarm', instead: 'com.docker.swarm.service.name=<your service>' },
  { keys: ['com.docker.', 'desktop.docker.io/'], tool: 'Docker' },
  { keys: ['io.podman.compose.'], tool: 'podman-compose', instead: 'io.podman.compose.project=<your project>' },
  { keys: ['io.podman.', 'io.containers.', 'PODMAN_SYSTEMD_UNIT'], tool: 'Podman' },
  { keys: ['org.testcontainers'], tool: 'Testcontainers', instead: 'org.testcontainers.session-id=<your session>' },
  { keys: ['com.gitlab.gitlab-runner.'], tool: 'GitLab Runner', instead: 'com.gitlab.gitlab-runner.job.id=<your job>' },
  { keys: ['io.x-k8s.kind.'], tool: 'kind', instead: 'io.x-k8s.kind.cluster=<your cluster>' },
  { keys: ['k3d.'], tool: 'k3d', instead: 'k3d.cluster=<your cluster>' },
  {
    keys: [
      'created_by.minikube.sigs.k8s.io',
      'name.minikube.sigs.k8s.io',
      'role.minikube.sigs.k8s.io',
      'mode.minikube.sigs.k8s.io',
    ],
    tool: 'minikube',
    instead: 'name.minikube.sigs.k8s.io=<your cluster>',
  },
  {
    keys: ['io.kubernetes.', 'app.kubernetes.io/', 'io.cri-containerd.'],
    tool: 'Kubernetes',
    instead: 'io.kubernetes.pod.namespace=<your namespace>',
  },
  { keys: ['devcontainer.'], tool: 'Dev Containers', instead: 'devcontainer.local_folder=<your folder>' },
  { keys: ['com.hashicorp.nomad.'], tool: 'Nomad', instead: 'com.hashicorp.nomad.alloc_id=<your allocation>' },
  { keys: ['com.amazonaws.ecs.'], tool: 'Amazon ECS', instead: 'com.amazonaws.ecs.cluster=<your cluster>' },
  { keys: ['com.ddev.'], tool: 'DDEV', instead: 'com.ddev.site-name=<your site>' },
  { keys: ['traefik.', 'com.centurylinklabs.watchtower', 'io.portainer.'], tool: 'Traefik, Watchtower or Portainer' },
  // Set by the makers of images: containers copy them.
  {
    keys: [
      'org.opencontainers.',
      'org.label-schema.',
      'io.buildah.',
      'io.k8s.',
      'io.openshift.',
      'com.redhat.',
      'com.nvidia.',
      'io.balena.',
      'moby.buildkit.',
    ],
    tool: 'the makers of images',
  },
];

/** Whole keys of image makers: https://docs.docker.com/reference/dockerfile/#label and Red Hat. */
const OF_IMAGES = new Set([
  ...['maintainer', 'vendor', 'name', 'version', 'release', 'summary', 'description', 'architecture', 'license', 'url'],
  ...['build-date', 'vcs-ref', 'vcs-type', 'vcs-url', 'distribution-scope', 'authors', 'cpe'],
]);

/** Keys whose values, too, are chosen by tools and the same for everyone. */
const SAME_FOR_ALL = new Set([
  ...['oneoff', 'version', 'container-number', 'network', 'volume', 'depends_on', 'image'].map(
    (part) => `com.docker.compose.${part}`,
  ),
  'com.docker.volume.anonymous',
  'org.testcontainers',
  'org.testcontainers.lang',
  'org.testcontainers.version',
  'created_by.minikube.sigs.k8s.io',
  'io.buildah.version',
  'desktop.docker.io/wsl-distro',
]);

/**
 * Explains why a line of filters would match other people's resources, and what to write instead;
 * undefined if at least one filter identifies an owner.
 */
export function whyTooWide(line: readonly LabelFilter[]): string | undefined {
  const [first, ...others] = line.map(whyForeign);
  return others.every((why) => why !== undefined) ? first : undefined;
}

function whyForeign({ key, value }: LabelFilter): string | undefined {
  if (value !== undefined && value !== '' && !SAME_FOR_ALL.has(key)) return undefined;
  const found = FOREIGN.find(({ keys }) => keys.some((start) => key.startsWith(start)));
  if (found === undefined && !OF_IMAGES.has(key)) return undefined;
  const { tool, instead } = found ?? { tool: 'the makers of images', instead: undefined };
  const filter = value === undefined ? key : `${key}=${value}`;
  const way = instead ?? 'a label of your own with its value';
  return `“${filter}” alone matches what ${tool} labelled for anyone on this machine: write ${way}`;
}
