from collectors.capture.machine cimport word
from collectors.live.shared cimport copy, hand_back, is_big, owner
