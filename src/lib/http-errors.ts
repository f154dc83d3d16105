import { rootCauseOf } from './errors';

/** The answer is cut off or unexpected, such as a proxy's page. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer';
}

/** Untrusted certificates, wrong addresses and addresses without TLS do not mend by themselves. */
const NEVER_REACHABLE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|ERR_INVALID_URL|UND_ERR_INVALID_ARG/;

/** No answer arrived. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  /** Node's code: `ECONNREFUSED`. */
  readonly code: string | undefined;
  /** Any error of the network itself may: no route, no name, no memory, a broken connection. */
  readonly mayPass: boolean;

  constructor(origin: string, cause: Error) {
    const { code, message } = rootCauseOf(cause);
    super(`${origin} can’t be reached: ${code ?? message}`, { cause });
    this.code = code;
    this.mayPass = !NEVER_REACHABLE.test(code ?? '');
  }
}
