"""Find and describe faces with a real, CPU-only engine: dlib's HOG detector and ResNet vectors.

`faces.FaceEngine` is the way in; `scale.load_scale` turns vector distances into similarities.
"""
