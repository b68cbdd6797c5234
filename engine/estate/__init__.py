"""Who is this about? The declared site joined with vCenter's live inventory; pure, no bus, no clock, no wire."""
