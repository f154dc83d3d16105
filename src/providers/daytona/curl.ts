import { labels } from '../../core/labels';
import { isUsableId } from './answers';
import type { Credentials } from './credentials';

/**
 * Commands to copy, which read the key from the environment; Daytona's own command line only reads
 * it from its configuration. They pass it to curl through a pipe, because `ps` shows arguments.
 * `printf` is part of the shell.
 */
export class Curl {
  readonly #url: string;
  readonly #command: string;

  /** @param url as the setting's type accepts it: needs no quoting */
  constructor(url: string, { from, organizationId }: Pick<Credentials, 'from' | 'organizationId'>) {
    const key = from === 'DAYTONA_JWT_TOKEN' ? from : 'DAYTONA_API_KEY';
    const organization = organizationId === undefined ? '' : ` --header 'X-Daytona-Organization-ID: ${organizationId}'`;
    this.#url = url;
    this.#command = `printf 'Authorization: Bearer %s\\n' "$${key}" | curl --silent --show-error --fail --header @-${organization}`;
  }

  /** Lists all sandboxes for an unusable id: the user must find the name. */
  removal(id: string): string {
    return isUsableId(id) ? `${this.#command} --request DELETE ${this.#url}/sandbox/${id}` : this.#listing('--data limit=200');
  }

  /** Shows whether and why Daytona still has a sandbox that it failed to delete. */
  undeleted(id: string): string {
    return this.#listing(`--data includeErroredDeleted=true --data states=error --data states=build_failed --data id=${id}`);
  }

  /**
   * Deletes the first 200 sandboxes with a label.
   * @param label `key=value`
   */
  removalOfAll(label: string): string {
    const [key = '', value = ''] = label.split('=');
    const listing = this.#listing(`--data limit=200 --data-urlencode 'labels=${JSON.stringify({ [key]: value })}'`);
    const isProtected = `(.labels["${labels.keep}"] // "" | ascii_downcase) == "true"`;
    const ids = `jq -r '(.items? // .)[] | select(${isProtected} | not) | .id | select(test("^[A-Za-z0-9-]+$"))'`;
    return `${listing} | ${ids} | while read -r id; do ${this.#command} --request DELETE "${this.#url}/sandbox/$id"; done`;
  }

  #listing(query: string): string {
    return `${this.#command} --get ${query} ${this.#url}/sandbox`;
  }
}
