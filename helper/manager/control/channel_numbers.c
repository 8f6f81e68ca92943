/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/control/channel_numbers.h"

#include <errno.h>

int channel_numbers_read(json_t *value, struct channel_numbers *numbers, json_int_t *bad)
{
	json_t *element;
	size_t i;

	*numbers = (struct channel_numbers){.all = !value || json_is_null(value)};
	json_array_foreach(value, i, element)
	{
		json_int_t number = json_integer_value(element);

		if (number < 0 || number > MAX_CHANNEL_NUMBER) {
			*bad = number;
			return -ERANGE;
		}
		numbers->bits[number / 64] |= UINT64_C(1) << (number % 64);
	}
	return 0;
}

bool channel_numbers_has(const struct channel_numbers *numbers, uint32_t number)
{
	if (numbers->all)
		return true;
	return number <= MAX_CHANNEL_NUMBER && (numbers->bits[number / 64] >> (number % 64) & 1);
}

bool channel_numbers_unknown(const struct channel_numbers *numbers, struct domain *domain,
			     uint32_t *number)
{
	if (numbers->all)
		return false;
	for (uint32_t n = 0; n <= MAX_CHANNEL_NUMBER; n++) {
		if (channel_numbers_has(numbers, n) && !domain_channel(domain, n)) {
			*number = n;
			return true;
		}
	}
	return false;
}
