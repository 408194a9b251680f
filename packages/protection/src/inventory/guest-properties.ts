/**
 * Properties of an image that say how Nova builds a guest from it. Others are facts of one image (its hashes, its signature, which server it
 * is a snapshot of): on a copy they would be wrong.
 */
export const isGuestProperty = (name: string): boolean => name.startsWith('hw_') || name.startsWith('trait:') || known.has(name);

const known = new Set(['architecture', 'hypervisor_type', 'vm_mode', 'img_config_drive', 'os_type', 'os_distro', 'os_version', 'os_admin_user', 'os_require_quiesce', 'os_secure_boot', 'os_shutdown_timeout']);
