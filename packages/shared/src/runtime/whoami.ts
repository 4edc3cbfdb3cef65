/** The user and the group that we run as, by their numbers, as chown takes them. */
export function whoami(): string {
  return `${process.getuid?.() ?? '<uid>'}:${process.getgid?.() ?? '<gid>'}`;
}
