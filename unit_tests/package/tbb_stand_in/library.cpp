// Something that the kind "library" of this stand-in compiles.
extern "C" int fanout_tbb_stand_in() { return 1; }
