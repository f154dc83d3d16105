import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MAX_REWRITTEN_BYTES } from '../../../src/proxy/connection';
import { dockerRules } from '../../../src/proxy/docker-rules';
import { RawProxy } from '../../support/proxy/raw';
import { until } from '../../support/until';

const rules = dockerRules({ owner: 'own', labels: { own: 'S' } });
const start = () => RawProxy.start(rules);

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: docker\r\n\r\n`;
const creation = (body: string, ...fields: readonly string[]) =>
  ['POST /v1.41/containers/create HTTP/1.1', 'Host: docker', ...fields, `Content-Length: ${body.length}`, '', body].join('\r\n');

describe('requests and responses', () => {
  test('pass byte for byte, one after another', async () => {
    const proxy = await start();
    const client = await proxy.client();
    const odd =
      'POST /x HTTP/1.1\r\nhOsT:  docker \r\nX-Odd: \xe4\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n';
    client.send(odd);
    const server = await proxy.connection();
    await server.got(odd);
    const answer = 'HTTP/1.1 200\r\nContent-Length:2\r\nX: \xff\r\n\r\nok';
    server.send(answer);
    await client.got(answer);
    client.send(get('/next'));
    await server.got(odd + get('/next'));
    expect(proxy.connections).toHaveLength(1);
  });

  test('pass on one connection by the thousand', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/first'));
    const server = await proxy.connection();
    const answer = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n';
    let left = 5000;
    client.socket.on('data', () => left-- > 0 && client.send(get('/next')));
    server.socket.on('data', () => server.send(answer));
    server.send(answer);
    await until('the last is answered', () => client.received === answer.repeat(5001));
    expect(server.received).toBe(get('/first') + get('/next').repeat(5000));
  });

  test('that come together go through one at a time', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/1') + creation('{}') + get('/3'));
    const server = await proxy.connection();
    await server.got(get('/1'));
    server.send('HTTP/1.1 100 Continue\r\n\r\n');
    server.send(OK);
    await server.gotPart('{"Labels":{"own":"S"}}');
    expect(server.received).not.toContain('/3');
    server.send('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
    await server.gotPart('GET /3');
    server.send(OK);
    await client.got(`HTTP/1.1 100 Continue\r\n\r\n${OK}HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n${OK}`);
  });

  test('to HEAD have no body, whatever their length says', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('HEAD /_ping HTTP/1.1\r\n\r\n');
    const server = await proxy.connection();
    await server.gotPart('HEAD');
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
    await client.gotPart('\r\n\r\n');
    client.send(get('/after'));
    await server.gotPart('/after');
  });
});

describe('creations', () => {
  const sent = async (request: string) => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(request);
    const server = await proxy.connection();
    return { proxy, client, server };
  };

  test('are labelled, and the rest of the head stays as it is', async () => {
    const { server } = await sent(creation('{"Image":"x"}', 'X-Registry-Auth:  abc', 'Content-Type: application/json'));
    await server.got(
      'POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nX-Registry-Auth:  abc\r\nContent-Type: application/json\r\ncontent-length: 36\r\n\r\n{"Labels":{"own":"S"},"Image":"x"}'.replace(
        '36',
        '34',
      ),
    );
  });

  test('are labelled when they come in chunks', async () => {
    const { server } = await sent(
      'POST /containers/create HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1\r\n{\r\nc\r\n"Image":"x"}\r\n0\r\nT: 1\r\n\r\n',
    );
    await server.got('POST /containers/create HTTP/1.1\r\ncontent-length: 34\r\n\r\n{"Labels":{"own":"S"},"Image":"x"}');
  });

  test('are labelled when they are packed', async () => {
    const packed = gzipSync('{"Image":"x"}').toString('latin1');
    const { server } = await sent(creation(packed, 'Content-Encoding: gzip'));
    await server.gotPart('\r\n\r\n\x1f\x8b');
    const body = Buffer.from(server.received.slice(server.received.indexOf('\r\n\r\n') + 4), 'latin1');
    await until('all of it came', () => {
      expect(server.received).toContain(`content-length: ${body.length}`);
      return true;
    });
    expect(gunzipSync(body).toString()).toBe('{"Labels":{"own":"S"},"Image":"x"}');
  });

  test('are given leave to send their body', async () => {
    const { client, server } = await sent(
      'POST /containers/create HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
    );
    await client.got('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('{}');
    await server.got('POST /containers/create HTTP/1.1\r\ncontent-length: 22\r\n\r\n{"Labels":{"own":"S"}}');
  });

  test.each([['{"Labels":{"own":"other"}}'], ['{"Image":'], ['not JSON'], ['[]'], ['']])(
    'of %j pass byte for byte',
    async (body) => {
      const { server } = await sent(creation(body));
      await server.got(creation(body));
    },
  );

  test('in an encoding that is not known pass byte for byte', async () => {
    const { server } = await sent(creation('{}', 'Content-Encoding: br'));
    await server.got(creation('{}', 'Content-Encoding: br'));
  });

  test('that are too long to be held pass as they are', async () => {
    const body = JSON.stringify({ Image: 'x'.repeat(2 * MAX_REWRITTEN_BYTES) });
    const request = creation(body);
    const { server } = await sent(request);
    await until('all of it came', () => server.received.length === request.length);
    expect(server.received === request).toBe(true);
  }, 60_000);

  test('whose client goes before the end get no further than it came', async () => {
    const { client, server } = await sent(creation('{"Image":"x"}').slice(0, -3));
    client.socket.end();
    await until('the server sees the end', () => server.ended);
    expect(server.received).toBe(creation('{"Image":"x"}').slice(0, -3));
  });
});

describe('a connection that is taken over', () => {
  test.each([
    ['with Upgrade', 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'],
    ['without', 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n'],
  ])('is two streams of bytes, each with an end of its own: %s', async (_, head) => {
    const proxy = await start();
    const client = await proxy.client();
    const request = 'POST /exec/a/start HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}';
    client.send(`${request}POST /early input`);
    const server = await proxy.connection();
    await server.got(request);
    server.send(`${head}output `);
    await server.got(`${request}POST /early input`);
    client.send(creation('{}'));
    await server.got(`${request}POST /early input${creation('{}')}`);
    client.socket.end();
    await until('the server sees the end of the input', () => server.ended);
    expect(client.ended).toBe(false);
    server.send('after the end');
    await client.got(`${head}output after the end`);
    server.socket.end();
    await until('the client sees the end', () => client.ended && client.closed && server.closed);
  });

  test('ends for the server’s side first when it does', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /attach HTTP/1.1\r\n\r\n');
    const server = await proxy.connection();
    server.socket.end('HTTP/1.1 200 OK\r\n\r\nbye');
    await until('the client sees the end', () => client.ended);
    client.send('still here');
    await server.gotPart('still here');
  });

  test('by HTTP/2 from the first byte is bytes', async () => {
    const proxy = await start();
    const client = await proxy.client();
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00';
    client.send(preface);
    const server = await proxy.connection();
    await server.got(preface);
    server.send('\x00\x00\x06');
    await client.got('\x00\x00\x06');
  });
});

describe('ends', () => {
  test('a client that is gone while it waits is gone for the server, too', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/events'));
    const server = await proxy.connection();
    server.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.gotPart('chunked');
    client.socket.destroy();
    await until('the server sees it', () => server.ended);
    await until('the connection is closed', () => {
      server.send('1\r\na\r\n');
      return server.closed;
    });
  });

  test('a server that closes is closed for the client, too', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/a'));
    const server = await proxy.connection();
    server.send(OK);
    await client.got(OK);
    server.socket.destroy();
    await until('the client sees it', () => client.ended);
  });

  test('a server that refuses a body and closes is heard', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /images/load HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n');
    const server = await proxy.connection();
    const refusal = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno';
    server.socket.pause();
    server.socket.end(refusal, () => server.socket.destroy());
    for (let part = 0; part < 100 && !client.closed; part++) {
      client.send('x'.repeat(1_000_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.got(refusal);
    await until('the client is closed', () => client.closed);
    expect(proxy.odd).toEqual([]);
  });

  test('of a chunked request that is malformed: 400', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
    await client.gotPart('HTTP/1.1 400 Bad Request\r\n');
    await until('both are closed', async () => client.ended && (await proxy.connection()).ended);
  });

  test('a request that two readers could take for different ones is refused, and no server sees it', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /containers/create HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}');
    await client.gotPart('both Content-Length and Transfer-Encoding');
    expect(proxy.connections).toHaveLength(0);
  });

  test('a server that can’t be reached: 503, in the engine’s form', async () => {
    const proxy = await start();
    await proxy.stopServer();
    const client = await proxy.client();
    client.send(get('/_ping'));
    await client.gotPart('HTTP/1.1 503 Service Unavailable\r\n');
    await client.gotPart('{"message":"cleanup-action');
    await until('it is closed', () => client.ended);
  });

  test('a server that speaks no HTTP is heard all the same', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/'));
    const server = await proxy.connection();
    server.socket.end('SSH-2.0-x\r\n\r\n');
    await client.got('SSH-2.0-x\r\n\r\n');
  });
});

test('a slow reader makes the sender wait, and loses nothing', async () => {
  const proxy = await start();
  const client = await proxy.client();
  client.send(get('/logs'));
  const server = await proxy.connection();
  await server.gotPart('/logs');
  client.socket.pause();
  const size = 20_000_000;
  server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  server.send('x'.repeat(size));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.socket.writableLength).toBeGreaterThan(size / 2);
  client.socket.resume();
  await until('all came', () => client.received.length === size + client.received.indexOf('\r\n\r\n') + 4);
});
