import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ISSUER } from './credentials';
import { kubernetesProgram, networkPlugins } from './programs';

/** What a cluster of one node runs. */
export type DaemonName = 'etcd' | 'apiserver' | 'manager' | 'scheduler' | 'containerd' | 'kubelet';

export interface Ports {
  readonly etcd: number;
  readonly etcdPeers: number;
  readonly apiserver: number;
  readonly kubelet: number;
}

/** A name that the API server can look up anywhere: it asks the kubelet for logs by it. */
export const NODE = 'localhost';

/** What all pods of a node are made from first; the kubelet never pulls it. */
export const PAUSE_IMAGE = 'docker.io/cleanup-action-test/pause:1';

/** How long a node may be silent until the cluster says so: 12 s, not 50. Its kubelet speaks every 2 s. */
const NODE_LEASE_SECONDS = 8;
const NODE_PATIENCE = '12s';

export const containerdSocket = (directory: string) => join(directory, 'containerd.sock');

const endpoint = (port: number) => `http://127.0.0.1:${port}`;

/** All listen on 127.0.0.1 only. */
export function daemonCommands(directory: string, ports: Ports): Readonly<Record<DaemonName, readonly string[]>> {
  const pki = (name: string) => join(directory, 'pki', name);
  const kubeconfig = (name: string) => join(directory, 'kubeconfigs', name);
  const asUser = (name: string) =>
    ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${kubeconfig(name)}`);
  return {
    etcd: [
      kubernetesProgram('etcd'),
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=${endpoint(ports.etcd)}`,
      `--advertise-client-urls=${endpoint(ports.etcd)}`,
      `--listen-peer-urls=${endpoint(ports.etcdPeers)}`,
      `--initial-advertise-peer-urls=${endpoint(ports.etcdPeers)}`,
      `--initial-cluster=default=${endpoint(ports.etcdPeers)}`,
      '--unsafe-no-fsync',
    ],
    apiserver: [
      kubernetesProgram('kube-apiserver'),
      `--etcd-servers=${endpoint(ports.etcd)}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${ports.apiserver}`,
      '--endpoint-reconciler-type=none',
      `--tls-cert-file=${pki('server-cert.pem')}`,
      `--tls-private-key-file=${pki('server-key.pem')}`,
      `--client-ca-file=${pki('ca.pem')}`,
      `--token-auth-file=${pki('tokens.csv')}`,
      `--kubelet-client-certificate=${pki('admin-cert.pem')}`,
      `--kubelet-client-key=${pki('admin-key.pem')}`,
      `--kubelet-certificate-authority=${pki('ca.pem')}`,
      `--service-account-issuer=${ISSUER}`,
      `--service-account-key-file=${pki('accounts-public.pem')}`,
      `--service-account-signing-key-file=${pki('accounts-key.pem')}`,
      '--service-cluster-ip-range=10.96.0.0/24',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
    ],
    // With all its controllers as one user, the default service accounts are there 5 s sooner.
    manager: [
      kubernetesProgram('kube-controller-manager'),
      ...asUser('manager'),
      `--service-account-private-key-file=${pki('accounts-key.pem')}`,
      `--root-ca-file=${pki('ca.pem')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--node-monitor-period=1s',
      `--node-monitor-grace-period=${NODE_PATIENCE}`,
    ],
    scheduler: [kubernetesProgram('kube-scheduler'), ...asUser('scheduler'), '--leader-elect=false', '--secure-port=0'],
    containerd: ['containerd', `--config=${join(directory, 'containerd.toml')}`],
    kubelet: [
      kubernetesProgram('kubelet'),
      `--config=${join(directory, 'kubelet.json')}`,
      `--kubeconfig=${kubeconfig('node')}`,
      `--root-dir=${join(directory, 'kubelet')}`,
      `--hostname-override=${NODE}`,
    ],
  };
}

/** Writes what containerd, the pods' network and the kubelet read. */
export async function configureNode(directory: string, ports: Ports): Promise<void> {
  const network = join(directory, 'network');
  await mkdir(network);
  await writeFile(join(network, 'bridge.conflist'), JSON.stringify(networkConfiguration(directory)));
  await writeFile(join(directory, 'resolv.conf'), '');
  await writeFile(join(directory, 'containerd.toml'), containerdConfiguration(directory, network));
  await writeFile(join(directory, 'kubelet.json'), JSON.stringify(kubeletConfiguration(directory, ports)));
}

/** The guard removes the bridge. */
const networkConfiguration = (directory: string) => ({
  cniVersion: '0.4.0',
  name: 'cleanup-action-test',
  plugins: [
    {
      type: 'bridge',
      bridge: 'kcni0',
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: { type: 'host-local', dataDir: join(directory, 'addresses'), ranges: [[{ subnet: '10.244.77.0/24' }]] },
    },
  ],
});

/** Where a machine has no AppArmor or may not lower OOM scores, as in a container, runc would start nothing without two of these. */
const containerdConfiguration = (directory: string, network: string) => `
version = 2
root = "${directory}/containerd/root"
state = "${directory}/containerd/state"
[grpc]
  address = "${containerdSocket(directory)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "${directory}/containerd/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${networkPlugins()}"
    conf_dir = "${network}"
`;

/** https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ */
const kubeletConfiguration = (directory: string, ports: Ports) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: '127.0.0.1',
  port: ports.kubelet,
  readOnlyPort: 0,
  healthzPort: 0,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: false },
    x509: { clientCAFile: join(directory, 'pki', 'ca.pem') },
  },
  authorization: { mode: 'AlwaysAllow' },
  tlsCertFile: join(directory, 'pki', 'node-cert.pem'),
  tlsPrivateKeyFile: join(directory, 'pki', 'node-key.pem'),
  containerRuntimeEndpoint: `unix://${containerdSocket(directory)}`,
  resolvConf: join(directory, 'resolv.conf'),
  podLogsDir: join(directory, 'kubelet', 'pod-logs'),
  volumePluginDir: join(directory, 'kubelet', 'volume-plugins'),
  nodeLeaseDurationSeconds: NODE_LEASE_SECONDS,
  maxPods: 200,
  // The machine is not the kubelet's: it takes no part of it, and evicts nothing when the disk is nearly full.
  failCgroupV1: false,
  failSwapOn: false,
  cgroupDriver: 'cgroupfs',
  enforceNodeAllocatable: [],
  makeIPTablesUtilChains: false,
  localStorageCapacityIsolation: false,
  evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%', 'nodefs.inodesFree': '0%' },
  imageGCHighThresholdPercent: 100,
});
