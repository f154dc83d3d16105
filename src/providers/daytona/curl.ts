import { labels } from '../../core/labels';
import { isUsableId } from './answers';
import type { Credentials } from './credentials';

/**
 * Commands to copy, for what could not be done here. They work wherever the key is in the
 * environment; Daytona's own command line reads it from its configuration only. They name the
 * variable, never the key, and hand it to curl through a pipe: arguments are seen in `ps`, and
 * `printf` is a part of the shell.
 */
export class Curl {
  readonly #url: string;
  readonly #command: string;

  /** @param url a URL as the setting's type takes it: nothing in it needs quoting */
  constructor(url: string, { from, organizationId }: Pick<Credentials, 'from' | 'organizationId'>) {
    const key = from === 'DAYTONA_JWT_TOKEN' ? from : 'DAYTONA_API_KEY';
    const organization = organizationId === undefined ? '' : ` --header 'X-Daytona-Organization-ID: ${organizationId}'`;
    this.#url = url;
    this.#command = `printf 'Authorization: Bearer %s\\n' "$${key}" | curl --silent --show-error --fail --header @-${organization}`;
  }

  /** Of a sandbox whose id can't be used, all are shown: it has to be found by its name. */
  removal(id: string): string {
    return isUsableId(id) ? `${this.#command} --request DELETE ${this.#url}/sandbox/${id}` : this.#listing('--data limit=200');
  }

  /** Shows whether Daytona still has a sandbox that it failed to delete, and why. */
  undeleted(id: string): string {
    return this.#listing(`--data includeErroredDeleted=true --data states=error --data states=build_failed --data id=${id}`);
  }

  /** @param label `key=value`; of the sandboxes that have it, the first 200 */
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
