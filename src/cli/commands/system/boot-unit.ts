/** Where systemd looks for units of the administrator. */
export const unitDirectory = '/etc/systemd/system';
export const unitName = 'warren-boot.service';

/** Characters that mean something in a unit's command line. */
function quoted(word: string): string {
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}

/** The unit that applies restart policies after a reboot. `command` is how this program is started. */
export function bootUnit(command: readonly string[]): string {
  return `[Unit]
Description=Warren: apply restart policies of containers
After=local-fs.target network.target
ConditionPathExists=/var/lib/warren

[Service]
Type=oneshot
RemainAfterExit=yes
# Containers and their keeper outlive this unit: they leave its cgroup at once, and nothing is killed when it stops.
KillMode=process
Delegate=yes
ExecStart=${command.map(quoted).join(' ')} boot

[Install]
WantedBy=multi-user.target
`;
}
