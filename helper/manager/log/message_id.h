/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MESSAGE_ID of each kind of log line that programs or operators may search for.
 * packaging/journal/vmpower.catalog explains them. An id is never reused for another kind.
 */
#ifndef VMPOWER_HELPER_MANAGER_LOG_MESSAGE_ID_H
#define VMPOWER_HELPER_MANAGER_LOG_MESSAGE_ID_H

#define EACH_MESSAGE(X)                                                                            \
	X(MESSAGE_SERVING, "be30682e59004f60a544c5c7bba1d420")                                     \
	X(MESSAGE_DOMAIN_REGISTERED, "bd44569e3446412c9fcb81d0462e32b7")                           \
	X(MESSAGE_DOMAIN_CHANGED, "8c53c1293f2342c1af3c7779aa9ab633")                              \
	X(MESSAGE_DOMAIN_UNREGISTERED, "18fdf5f814c647e9950975ca32ae3b1d")                         \
	X(MESSAGE_DOMAIN_NOT_SERVED, "6f5b25d18d9642dbb3dd93aef469ce9e")                           \
	X(MESSAGE_METADATA_WRONG, "64b22095f80d4e9da90bb193c5ee626b")                              \
	X(MESSAGE_CHANNEL_CONNECTED, "84df396dfa3d4e6f9e4cc278c1f32b70")                           \
	X(MESSAGE_CHANNEL_GONE, "12f46a1aefad43f2bc66eeffae699ccf")                                \
	X(MESSAGE_CHANNEL_UNREACHABLE, "7334d9d71bd14fba94098751f0e38a58")                         \
	X(MESSAGE_CHANNEL_UNTRUSTED, "f7f4d9d59e154ad0ba73519338154d44")                           \
	X(MESSAGE_REQUEST_REFUSED, "8c31d84a0b0d488fb5291559887994f4")                             \
	X(MESSAGE_OVERRIDE, "a9aa464f11364b06abadfb49125d18d8")                                    \
	X(MESSAGE_WRITE_FAILED, "61d3753202f34fef8d07a88d96cc8229")                                \
	X(MESSAGE_FOREIGN, "a1b491fceba04ad08a8a90e5117406ab")                                     \
	X(MESSAGE_BASELINE_NOT_RESTORED, "2a4d5b4d118143a0bc11c726f84a30b0")                       \
	X(MESSAGE_MONITOR_ENDED, "07a5c253875e427c9d984aa88cf7e5c7")                               \
	X(MESSAGE_MONITOR_VIOLATION, "4c62af4fb98e4c31b66c7078394c810b")                           \
	X(MESSAGE_LOG_LEVEL, "a26b4b038d18411184d489a55b0b5080")

enum message_id {
	MESSAGE_NONE, /* no MESSAGE_ID */
#define X_NAME(name, id) name,
	EACH_MESSAGE(X_NAME)
#undef X_NAME
		N_MESSAGES
};

#endif
