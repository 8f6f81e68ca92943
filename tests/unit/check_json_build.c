/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects and arrays are whole or NULL. */
#include "common/json/build.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "tests/unit/runner.h"

TEST(fields_keep_their_order)
{
	json_t *array = json_array(), *object = json_object();
	cleanup_free char *text = NULL;

	json_add(&array, json_text("a\xffz"));
	json_add(&array, json_text(NULL));
	json_put(&object, "array", array);
	json_put_bool(&object, "bool", true);
	json_put_int(&object, "int", -1);
	json_put_nonzero(&object, "none", 0);
	json_put_nonzero(&object, "some", 2);
	json_put_text(&object, "text", "\xc3\xa4");
	text = json_dumps(object, JSON_COMPACT);
	ck_assert_str_eq(text, "{\"array\":[\"a?z\",null],\"bool\":true,\"int\":-1,\"none\":null,"
			       "\"some\":2,\"text\":\"\xc3\xa4\"}");
	json_decref(object);
}

TEST(out_of_memory_leaves_null)
{
	json_t *array = json_array(), *object = json_object();

	json_add(&array, json_integer(1));
	json_add(&array, NULL);
	ck_assert_ptr_null(array);
	json_add(&array, json_integer(2));
	ck_assert_ptr_null(array);
	json_put_int(&object, "int", 1);
	json_put(&object, "array", array);
	ck_assert_ptr_null(object);
	json_put_int(&object, "int", 2);
	ck_assert_ptr_null(object);
}
