/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths of the host that vmpowerd can't see because its unit hides them. Sockets there do not exist
 * for it, and "No such file or directory" would mislead whoever sees the socket.
 */
#ifndef VMPOWER_HELPER_MANAGER_SERVICE_HIDDEN_PATH_H
#define VMPOWER_HELPER_MANAGER_SERVICE_HIDDEN_PATH_H

/**
 * hidden_path_setting() - which setting of the unit hides this path?
 * @path:	absolute
 * @mountinfo:	"/proc/self/mountinfo", or what stands for it
 *
 * Return: "PrivateTmp=", "ProtectHome=", "InaccessiblePaths="; NULL: none, or it is not known
 */
const char *hidden_path_setting(const char *path, const char *mountinfo);

#endif
