/** What the units are made from. */
export interface ServiceOptions {
  /** Node, this program, and nothing else; absolute. */
  readonly program: readonly string[];
  /** The file with variables: settings, and secrets. */
  readonly settingsFile: string;
  /** The user that a service of the machine runs as; undefined for a service of a user’s own. */
  readonly runAs?: string;
}

/** The name of both units. */
export const UNIT = 'cleanup-action';

const DOCUMENTATION = 'https://github.com/org/cleanup-action/blob/main/docs/command-line.md#a-service';

/** The contents of systemd’s files, by name. Nothing in them is secret: everybody may read them. */
export function unitsFor(options: ServiceOptions): Readonly<Record<string, string>> {
  return { [`${UNIT}.service`]: service(options), [`${UNIT}.timer`]: TIMER };
}

function service({ program, settingsFile, runAs }: ServiceOptions): string {
  const command = [...program, 'sweep', '--stale', '--quiet'].map(quoted).join(' ');
  return `# Written by cleanup-action install-service, which writes it anew; settings are in ${settingsFile}
[Unit]
Description=Removes what jobs that are over have left on this machine
Documentation=${DOCUMENTATION}
${runAs === undefined ? '' : 'Wants=network-online.target\nAfter=network-online.target docker.service podman.socket\n'}
[Service]
Type=oneshot
ExecStart=${command}
EnvironmentFile=-${settingsFile.replaceAll('%', '%%')}
# Its own deadline ends it long before.
TimeoutStartSec=1h
UMask=0022
NoNewPrivileges=true
${runAs === undefined ? '' : confined(runAs)}`;
}

/**
 * Confines the service, but neither with ProtectHome nor with PrivateTmp: the user’s own leases are
 * in their home directory, those of others in /tmp. The engine’s socket stays within reach, too.
 */
function confined(user: string): string {
  return `User=${user}
LockPersonality=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectSystem=full
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
`;
}

const TIMER = `# Written by cleanup-action install-service, which writes it anew
[Unit]
Description=Removes what jobs that are over have left, after each start of the machine and hourly
Documentation=${DOCUMENTATION}

[Timer]
OnStartupSec=30s
OnCalendar=hourly
# Not all machines of a fleet at once: they may share an account at Daytona.
RandomizedDelaySec=5min
Persistent=true

[Install]
WantedBy=timers.target
`;

/** One word of a command: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, '\\$&')}"`;
}
