import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MAX_REWRITTEN_BYTES } from '../../../src/proxy/connection';
import { dockerRules } from '../../../src/proxy/docker-rules';
import { MAX_HEAD_BYTES } from '../../../src/proxy/http-head';
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
    await until('the last is answered', () => client.received.length >= answer.length * 5001);
    expect(client.received).toBe(answer.repeat(5001));
    expect(server.received).toBe(get('/first') + get('/next').repeat(5000));
  }, 60_000);

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

  test.each([
    ['{"Labels":{"own":"other"}}'],
    ['{"Image":'],
    ['not JSON'],
    ['[]'],
    ['7'],
    ['null'],
    ['{} {}'],
    ['\xef\xbb\xbf{}'],
    [''],
  ])('of %j pass byte for byte', async (body) => {
    const { server } = await sent(creation(body));
    await server.got(creation(body));
  });

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

/** A server's answer, after which it closes. */
const REFUSAL = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno';

describe('what can’t be understood is for the server to judge: it passes byte for byte, and so does the answer', () => {
  const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n';

  test.each([
    ['two ways to end', `POST /containers/create HTTP/1.1\r\nContent-Length: 2\r\n${CHUNKED}2\r\n{}\r\n0\r\n\r\n`],
    ['two lengths', 'POST /containers/create HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
    ['a field that goes on in the next line', 'POST /containers/create HTTP/1.1\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}'],
    ['a field with a zero byte', 'GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n'],
    ['a target with spaces', 'GET /a b HTTP/1.1\r\n\r\n'],
    ['another version', 'GET / HTTP/3.0\r\n\r\n'],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\n\n'],
    ['a malformed chunk of a creation', `POST /containers/create HTTP/1.1\r\n${CHUNKED}2\r\n{}\r\nzz\r\n`],
    ['a malformed chunk', `POST /x HTTP/1.1\r\n${CHUNKED}2\r\n{}\r\nzz\r\n`],
    ['a head that is too long', `GET / HTTP/1.1\r\nX: ${'x'.repeat(MAX_HEAD_BYTES)}`],
  ])('%s', async (_, request) => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/first'));
    const server = await proxy.connection();
    await server.got(get('/first'));
    server.send(OK);
    await client.got(OK);
    client.send(request);
    await server.got(get('/first') + request);
    client.send('and more');
    await server.got(`${get('/first') + request}and more`);
    server.socket.end(REFUSAL);
    await client.got(OK + REFUSAL);
    await until('the client sees the end', () => client.ended);
    expect(proxy.odd).toEqual([]);
  });

  test('also while the answer to a request before it is on its way', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(`${get('/first')}GET  /odd HTTP/1.1\r\n\r\n`);
    const server = await proxy.connection();
    await server.got(get('/first'));
    server.send(OK);
    await server.got(`${get('/first')}GET  /odd HTTP/1.1\r\n\r\n`);
    server.socket.end(REFUSAL);
    await client.got(OK + REFUSAL);
  });

  test('a response that is malformed in the middle', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/'));
    const server = await proxy.connection();
    const answer = `HTTP/1.1 200 OK\r\n${CHUNKED}zz\r\nand so on`;
    server.send(answer);
    await client.got(answer);
    server.socket.end('the end');
    await client.got(`${answer}the end`);
    await until('the client sees the end', () => client.ended);
  });
});

describe('an odd but right way to speak', () => {
  test('an upgrade that the server does not take leaves requests and responses', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /session HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n');
    const server = await proxy.connection();
    await server.gotPart('/session');
    server.send('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno');
    await client.gotPart('no');
    client.send(creation('{}'));
    await server.gotPart('{"Labels":{"own":"S"}}');
  });

  test('a refusal before the body has come is heard, and the body goes on', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /images/load HTTP/1.1\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n');
    const server = await proxy.connection();
    await server.gotPart('Expect: 100-continue');
    server.send('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    await client.gotPart('403 Forbidden');
    client.send(`0123456789${creation('{}')}`);
    await server.gotPart('0123456789POST');
    await server.gotPart('{"Labels":{"own":"S"}}');
  });

  test('two heads before the answer, and trailers after a body', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/'));
    const server = await proxy.connection();
    await server.gotPart('GET');
    const answer = [
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
    ].join('');
    server.send(answer);
    await client.got(answer);
    client.send(creation('{}'));
    await server.gotPart('{"Labels":{"own":"S"}}');
  });

  test.each(['204 No Content', '304 Not Modified'])('%s has no body, whatever its length says', async (status) => {
    const proxy = await start();
    const client = await proxy.client();
    client.send('POST /containers/a/stop HTTP/1.1\r\nContent-Length: 0\r\n\r\n');
    const server = await proxy.connection();
    await server.gotPart('/stop');
    server.send(`HTTP/1.1 ${status}\r\nContent-Length: 100\r\n\r\n`);
    await client.gotPart(status);
    client.send(get('/after'));
    await server.gotPart('/after');
  });

  test('an answer that breaks off is broken off for the client', async () => {
    const proxy = await start();
    const client = await proxy.client();
    client.send(get('/'));
    const server = await proxy.connection();
    server.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    await client.got('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    await until('the client sees the end', () => client.ended);
  });
});

test('a thousand clients at once are all served', async () => {
  const proxy = await start();
  const clients = await Promise.all(Array.from({ length: 1000 }, () => proxy.client()));
  for (const client of clients) client.send(get('/'));
  await until('all are there', () => proxy.connections.length === 1000);
  for (const { socket } of proxy.connections) socket.write(OK);
  await Promise.all(clients.map((client) => client.got(OK)));
}, 60_000);

/** Waits until two looks show the same: no more is taken. */
async function untilSteady(length: () => number): Promise<void> {
  let before = Number.NaN;
  await until('no more is taken', async () => {
    const now = length();
    const isSteady = now === before;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return isSteady;
  });
}

test('a slow server makes the client wait, and loses nothing', async () => {
  const proxy = await start();
  const client = await proxy.client();
  const size = 20_000_000;
  const head = `POST /images/load HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n`;
  client.send(head);
  const server = await proxy.connection();
  await server.got(head);
  server.socket.pause();
  client.send('x'.repeat(size));
  const waits = () => client.socket.writableLength;
  await untilSteady(waits);
  expect(waits()).toBeGreaterThan(size / 2);
  server.socket.resume();
  await until('all came', () => server.received.length === head.length + size);
}, 60_000);

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
  await untilSteady(() => server.socket.writableLength);
  expect(server.socket.writableLength).toBeGreaterThan(size / 2);
  client.socket.resume();
  await until('all came', () => client.received.length === size + client.received.indexOf('\r\n\r\n') + 4);
}, 60_000);
