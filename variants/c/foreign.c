/*
 * Accesses to device words, a function each, for `reg=foreign`.
 *
 * The caller is in another language and cannot look inside: each access is a
 * call, and what the call may have touched is unknown to the caller.
 */
#include <stdint.h>

uint32_t ringside_load32(const volatile uint32_t *word);
uint64_t ringside_load64(const volatile uint64_t *word);
void ringside_store32(volatile uint32_t *word, uint32_t value);
void ringside_store64(volatile uint64_t *word, uint64_t value);

uint32_t ringside_load32(const volatile uint32_t *word)
{
	return *word;
}

uint64_t ringside_load64(const volatile uint64_t *word)
{
	return *word;
}

void ringside_store32(volatile uint32_t *word, uint32_t value)
{
	*word = value;
}

void ringside_store64(volatile uint64_t *word, uint64_t value)
{
	*word = value;
}
