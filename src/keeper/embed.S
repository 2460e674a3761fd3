/* warren-init, carried as bytes: the keeper hands it to containers from a sealed memfd. */
	.section .rodata
	.balign 16
	.global warren_init_start
	.global warren_init_end
warren_init_start:
	.incbin INIT_PATH
warren_init_end:
	.section .note.GNU-stack, "", %progbits
