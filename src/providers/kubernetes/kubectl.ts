import { labels } from '../../core/labels';
import { shellWord } from '../../lib/shell-word';
import { API_KINDS, type ApiKind } from './api-kinds';
import type { Cluster, Source } from './kubeconfig';

/** Commands to copy. */
export class Kubectl {
  readonly #options: string;
  readonly #helmOptions: string;
  readonly #namespaces: readonly string[];

  constructor({ context }: Pick<Cluster, 'context'>, { files, from }: Source, namespaces: readonly string[]) {
    const file = from === 'kubeconfig' ? ` --kubeconfig ${shellWord(files)}` : '';
    // A pod's service account has no kubeconfig, and so no context.
    const name = files === '' ? undefined : shellWord(context);
    this.#options = name === undefined ? file : `${file} --context ${name}`;
    this.#helmOptions = name === undefined ? file : `${file} --kube-context ${name}`;
    this.#namespaces = namespaces;
  }

  /** Removes an object and what it makes. */
  removal({ plural, fullName, isClusterWide, makesPods }: ApiKind, name: string, namespace: string): string {
    const place = isClusterWide ? '' : ` --namespace ${shellWord(namespace)}`;
    const cascade = makesPods || fullName !== undefined ? ' --cascade foreground' : '';
    return `kubectl${this.#options}${place} delete ${fullName ?? plural} ${shellWord(name)}${cascade}`;
  }

  uninstall(release: string, namespace: string): string {
    return `helm uninstall ${shellWord(release)}${this.#helmOptions} --namespace ${shellWord(namespace)}`;
  }

  /**
   * Removes what has a label, except what is to be kept. Those that make pods come first.
   * @param label `key=value`
   */
  removalOfAll(label: string): string {
    const kinds = API_KINDS.filter(({ isClusterWide }) => !isClusterWide).map(({ plural }) => plural);
    const selector = shellWord(`${label},${labels.keep}!=true`);
    return this.#namespaces
      .map((namespace) => {
        const place = `--namespace ${shellWord(namespace)}`;
        return `kubectl${this.#options} ${place} delete ${kinds.join(',')} --selector ${selector} --cascade foreground`;
      })
      .join(' && ');
  }
}
