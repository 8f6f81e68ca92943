/* SPDX-License-Identifier: BSD-3-Clause */
/* From a message to its method, and from the result to a reply. Internal to the server. */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_DISPATCH_H
#define VMPOWER_HELPER_MANAGER_VARLINK_DISPATCH_H

#include "helper/manager/varlink/client.h"

/**
 * varlink_dispatch() - handle one message
 *
 * Return: 0; -EBADMSG: not a call, which was logged; drop the client.
 */
int varlink_dispatch(struct varlink_client *client, const char *message, size_t size);

/**
 * varlink_client_finish() - end the call with the reply that was written to client->out
 * @failure:	NULL; why it could not be written (static text that needs no escaping): the reply is
 *		OutOfResources with this reason
 */
void varlink_client_finish(struct varlink_client *client, const char *failure);

#endif
