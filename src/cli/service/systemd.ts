import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { asError } from '../../lib/errors';

/** There is no systemd that answers. */
export class NoSystemd extends Error {
  override readonly name = 'NoSystemd';
}

/** Milliseconds for one request of systemd. To start a timer takes it a few. */
const REQUEST_MS = 30_000;

/** Systemd: the machine’s, or this user’s own. */
export class Systemd {
  readonly #manager: '--system' | '--user';
  readonly #env: NodeJS.ProcessEnv;

  constructor(manager: '--system' | '--user', env: NodeJS.ProcessEnv) {
    this.#manager = manager;
    this.#env = env;
  }

  /** @throws {NoSystemd} */
  async isThere(): Promise<void> {
    await this.ask('show', '--property=Version').catch((cause) => {
      throw new NoSystemd(whyNot(this.#manager, asError(cause)), { cause });
    });
  }

  /** @throws when systemd refuses, with what it said */
  async ask(...words: readonly string[]): Promise<void> {
    const { LANG, ...env } = this.#env;
    await promisify(execFile)('systemctl', [this.#manager, '--no-ask-password', ...words], { env, timeout: REQUEST_MS });
  }
}

function whyNot(manager: '--system' | '--user', { message }: Error): string {
  const said = message.trim().split('\n').at(-1) ?? '';
  return manager === '--user'
    ? `this user has no systemd of its own here (${said}): log in as that user, or run this without --user`
    : `there is no systemd here (${said}): let cron or another timer run “cleanup-action sweep --stale --quiet” hourly and at boot, as examples/cleanup-action.cron does`;
}
