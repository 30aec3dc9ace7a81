// The contrast of every text with what lies behind it (WCAG 2.1, 1.4.3): what has less than 4.5.

