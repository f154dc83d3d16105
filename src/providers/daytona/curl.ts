import { labels } from '../../core/labels';
import type { Credentials } from './credentials';

/**
 * What a person types to do by hand what could not be done here. Daytona's own command line reads a key from its configuration only; this
 * works wherever the key is in the environment. It names the variable, never the key.
 */
export class Curl {
  readonly #url: string;
  readonly #command: string;

  /** @param url a URL as the setting's type takes it: nothing in it needs quoting */
  constructor(url: string, { from, organizationId }: Pick<Credentials, 'from' | 'organizationId'>) {
    const key = from === 'DAYTONA_JWT_TOKEN' ? from : 'DAYTONA_API_KEY';
    const organization = organizationId === undefined ? '' : ` -H 'X-Daytona-Organization-ID: ${organizationId}'`;
    this.#url = url;
    this.#command = `curl --silent --show-error --fail -H "Authorization: Bearer $${key}"${organization}`;
  }

  removal(id: string): string {
    return `${this.#command} -X DELETE ${this.#url}/sandbox/${id}`;
  }

  /** @param label `key=value`; of the sandboxes that have it, the first 200 */
  removalOfAll(label: string): string {
    const [key = '', value = ''] = label.split('=');
    const query = `--get --data limit=200 --data-urlencode 'labels=${JSON.stringify({ [key]: value })}'`;
    const isProtected = `(.labels["${labels.keep}"] // "" | ascii_downcase) == "true"`;
    const ids = `jq -r '.items[] | select(${isProtected} | not) | .id'`;
    return `${this.#command} ${query} ${this.#url}/sandbox | ${ids} | xargs -I {} ${this.removal('{}')}`;
  }
}
