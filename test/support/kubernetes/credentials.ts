import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certified, certify, makeAuthority } from '../engine/certificates';

/** Ways to be somebody on the tests' own cluster; each is a kubeconfig. */
export type UserName =
  /** May do all, by a client certificate. */
  | 'admin'
  /** May do all, by a token. */
  | 'token'
  /** May do all, by a token that a program prints. */
  | 'exec'
  /** Nobody: the program says that it can't. */
  | 'exec-fails'
  /** Nobody: the program never ends. */
  | 'exec-hangs'
  /** Has the name `limited`, by a token; may do what a test allows it. */
  | 'limited'
  /** Nobody, by a token that was never anybody's. */
  | 'wrong-token'
  /** Nobody any more, by a service account's token whose time is over. */
  | 'expired-token';

/** Those that run the cluster; a kubelet may be only the node that its name says. */
const DAEMONS = {
  manager: '/O=system:masters/CN=manager',
  scheduler: '/CN=system:kube-scheduler',
  node: '/O=system:nodes/CN=system:node:localhost',
} as const;

const TOKENS = { admin: 'token-of-the-admin', limited: 'token-of-the-limited' } as const;

/** Of the tokens of service accounts. */
export const ISSUER = 'https://kubernetes.default.svc';

const LOCAL_NAMES = 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc';

/**
 * Makes what all of a cluster need to know each other by, a kubeconfig each.
 * @param directory gets `pki` and `kubeconfigs`
 * @param server its address
 */
export async function makeCredentials(directory: string, server: string): Promise<void> {
  const pki = join(directory, 'pki');
  await mkdir(pki);
  await mkdir(join(directory, 'kubeconfigs'));
  await makeAuthority(pki);
  const certified = (prefix: string, subject: string): Certified => ({
    prefix,
    subject,
    extensions: `extendedKeyUsage=serverAuth,clientAuth\n${LOCAL_NAMES}\n`,
  });
  const withCertificate = { admin: '/O=system:masters/CN=admin', ...DAEMONS };
  const subjects = Object.entries({ ...withCertificate, server: '/CN=kube-apiserver' });
  await Promise.all(subjects.map(([name, subject]) => certify(pki, certified(`${name}-`, subject))));
  const users: Record<string, KubeconfigUser> = {
    ...(await withTokens(directory)),
    ...Object.fromEntries(Object.keys(withCertificate).map((name) => [name, byCertificate(pki, name)])),
  };
  const certificateAuthority = join(pki, 'ca.pem');
  for (const [name, user] of Object.entries(users)) {
    const text = JSON.stringify(kubeconfigOf({ server, 'certificate-authority': certificateAuthority }, user));
    await writeFile(join(directory, 'kubeconfigs', name), text, { mode: 0o600 });
  }
}

export type KubeconfigUser = Readonly<Record<string, unknown>>;

/** JSON is YAML. */
export function kubeconfigOf(cluster: Readonly<Record<string, unknown>>, user: KubeconfigUser): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
}

const byCertificate = (pki: string, name: string): KubeconfigUser => ({
  'client-certificate': join(pki, `${name}-cert.pem`),
  'client-key': join(pki, `${name}-key.pem`),
});

async function withTokens(directory: string): Promise<Record<Exclude<UserName, 'admin'>, KubeconfigUser>> {
  const pki = join(directory, 'pki');
  const tokens = [`${TOKENS.admin},token-admin,1,system:masters`, `${TOKENS.limited},limited,2`];
  await writeFile(join(pki, 'tokens.csv'), `${tokens.join('\n')}\n`);
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(join(pki, 'accounts-public.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const accountsKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writeFile(join(pki, 'accounts-key.pem'), accountsKey, { mode: 0o600 });
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: TOKENS.admin } };
  const plugin = async (name: string, script: string): Promise<KubeconfigUser> => {
    const command = join(directory, name);
    await writeFile(command, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    return { exec: { apiVersion: credential.apiVersion, command, interactiveMode: 'Never' } };
  };
  return {
    token: { token: TOKENS.admin },
    limited: { token: TOKENS.limited },
    exec: await plugin('exec-plugin', `echo '${JSON.stringify(credential)}'`),
    'exec-fails': await plugin('exec-fails', 'echo "the login has expired: log in again" >&2; exit 1'),
    'exec-hangs': await plugin('exec-hangs', 'sleep 1000'),
    'wrong-token': { token: 'token-of-nobody' },
    'expired-token': { token: expiredToken(accountsKey) },
  };
}

/** A token as the cluster gives them to its first service account, of yesterday. */
function expiredToken(key: string): string {
  const aDayAgo = Math.floor(Date.now() / 1000) - 24 * 60 * 60;
  const claims = {
    ...{ iss: ISSUER, aud: [ISSUER], sub: 'system:serviceaccount:default:default' },
    ...{ iat: aDayAgo, nbf: aDayAgo, exp: aDayAgo + 60 * 60 },
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'default', uid: 'yesterday' } },
  };
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}
