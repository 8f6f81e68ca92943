/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeds files to a fuzz target, once each, in place of libFuzzer: "make check" replays the
 * corpora with any compiler. It prints each name first, so that a crash shows which file.
 */
#include "tests/fuzz/fuzz.h"

/* A copy of exact size, so that a read beyond its end is found. */
static int replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0;
	long end;

	if (!file || fseek(file, 0, SEEK_END) < 0 || (end = ftell(file)) < 0) {
		perror(path);
		return EXIT_FAILURE;
	}
	rewind(file);
	data = malloc(end > 0 ? (size_t)end : 1);
	if (data)
		size = fread(data, 1, (size_t)end, file);
	if (!data || size != (size_t)end) {
		perror(path);
		return EXIT_FAILURE;
	}
	(void)fclose(file);
	(void)printf("%s\n", path);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int status = EXIT_SUCCESS;

	for (int i = 1; i < argc && status == EXIT_SUCCESS; i++)
		status = replay(argv[i]);
	return status;
}
