import { Agent, type AgentOptions } from 'node:http';
import { inspect } from 'node:util';

/** For docker-modem, which inspects each request for its debug log, even if that is off. */
export class EngineAgent extends Agent {
  constructor(options: AgentOptions) {
    // Without it, Node works out a server's name for each request, which no connection here uses: the first time takes 4 ms.
    const noServerName = { servername: '' };
    super({ ...options, ...noServerName });
  }

  /** Hides the connections: inspecting a hundred of them takes longer than the request. */
  [inspect.custom](): string {
    return this.constructor.name;
  }
}
